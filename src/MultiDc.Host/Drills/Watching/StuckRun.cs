using System.Diagnostics;
using System.Text.Json;

namespace MultiDc.Host.Drills.Watching;

/// <summary>
/// The drill from beginning to end: watchers and writers in every datacenter; by turns alone, and beside a watcher that takes nothing any more and whose process then stands
/// still, so that nothing is read from its connections either.
/// </summary>
internal sealed class StuckRun(StuckOptions options, Action<string> say, TimeProvider time)
{
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(3);
    private readonly long startedAt = time.GetTimestamp();

    /// <exception cref="DrillFailedException">The drill could not go on, for a reason that is no verdict.</exception>
    public async Task<IDrillReport> RunAsync(CancellationToken stop)
    {
        var system = new LocalSystem(options.Script);
        await system.LookAsync(stop);
        var stage = new DrillStage(system, () => time.GetTimestamp() - startedAt, Tell, time, stop);
        await stage.UntilWholeAsync();
        var parts = new List<DrillProcess>();
        DrillProcess? stuck = null;
        try
        {
            parts.AddRange(system.FullDatacenters.Select(datacenter => DrillPartCommand.Start(system, datacenter, CrowdPart.Name, startedAt)));
            stage.Loads = system.FullDatacenters.Zip(parts).ToDictionary(static pair => pair.First, static pair => pair.Second);
            stuck = DrillPartCommand.Start(system, system.FullDatacenters[0], CrowdPart.Name, startedAt);
            await OrderAllAsync(i => $"watch {(options.Watchers / parts.Count) + (i < options.Watchers % parts.Count ? 1 : 0)}");
            await OrderAllAsync(_ => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"write {(double)options.Rate / parts.Count:0.##}"));
            Tell($"{options.Watchers:n0} watchers and {options.Rate:n0} writes a second, in {parts.Count} datacenters");
            await stage.WaitAsync(Settle * 2);
            var turns = new List<StuckTurn>();
            for (var turn = 0; turn < options.Turns; turn++)
            {
                // Each way first as often as the other: what drifts must not look like a difference.
                var (first, second) = turn % 2 == 0 ? (false, true) : (true, false);
                turns.Add(await TurnAsync(stage, stuck, first));
                turns.Add(await TurnAsync(stage, stuck, second));
            }

            return new StuckReport { Options = options, Turns = turns };
        }
        finally
        {
            stuck?.Dispose();
            parts.ForEach(static part => part.Dispose());
        }

        Task<string[]> OrderAllAsync(Func<int, string> order) => Task.WhenAll(parts.Select((part, i) => part.OrderAsync(order(i), stop)));

        async Task<StuckTurn> TurnAsync(DrillStage stage, DrillProcess stuck, bool isStuck)
        {
            if (isStuck)
            {
                await stuck.OrderAsync("stick", stop);
                await SignalAsync("STOP", stuck.Id);
            }

            await stage.WaitAsync(Settle);
            await OrderAllAsync(static _ => "begin");
            await stage.WaitAsync(options.TurnLength);
            var told = await OrderAllAsync(static _ => "end");
            if (isStuck)
            {
                await SignalAsync("CONT", stuck.Id);
                await stuck.OrderAsync("loosen", stop);
            }

            var result = StuckTurn.Of(isStuck, [.. told.SelectMany(static delays => JsonSerializer.Deserialize<long[][]>(delays)!)]);
            Tell($"{(isStuck ? "with" : "without")} the stuck one: p50 {result.P50Ms:0.0} ms, p99 {result.P99Ms:0.0} ms of {result.Deliveries:n0}");
            return result;
        }
    }

    private static async Task SignalAsync(string signal, int process)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{process}"]);
        await kill.WaitForExitAsync();
    }

    private void Tell(string what) => say($"{time.GetElapsedTime(startedAt).TotalSeconds,6:0.0} s  {what}");
}
