using System.Text.Json;

namespace MultiDc.Host.Drills.Overload;

/// <summary>
/// The drill from beginning to end: a closed loop in every datacenter finds out what the system can do; then, without a pause between, normal load, several times as much
/// as it can do, and normal load again, begun whatever becomes of what was asked before.
/// </summary>
internal sealed class OverloadRun(OverloadOptions options, Action<string> say, TimeProvider time)
{
    /// <summary>Normal load, of what the system can do.</summary>
    private const double NormalShare = 0.3;
    private const int WarmUpSeconds = 10;
    private const int CapacitySeconds = 10;
    private const int NormalSeconds = 20;
    private static readonly TimeSpan SamplePeriod = TimeSpan.FromSeconds(1);

    private readonly long startedAt = time.GetTimestamp();

    /// <exception cref="DrillFailedException">The drill could not go on, for a reason that is no verdict.</exception>
    public async Task<IDrillReport> RunAsync(CancellationToken stop)
    {
        var system = new LocalSystem(options.Script);
        await system.LookAsync(stop);
        var stage = new DrillStage(system, () => time.GetTimestamp() - startedAt, Tell, time, stop);
        await stage.UntilWholeAsync();
        var folder = Directory.CreateTempSubdirectory("multidc-drill-").FullName;
        var floods = new List<DrillProcess>();
        try
        {
            floods.AddRange(system.FullDatacenters.Select(datacenter => DrillPartCommand.Start(system, datacenter, FloodPart.Name, startedAt)));
            stage.Loads = system.FullDatacenters.Zip(floods).ToDictionary(static pair => pair.First, static pair => pair.Second);
            await OrderAllAsync($"{options.Clients} {WarmUpSeconds}", "closed");
            var capacity = (await OrderAllAsync($"{options.Clients} {CapacitySeconds}", "closed")).Average(static second => second.Done);
            Tell($"{options.Clients} clients in each datacenter got {capacity:n0} operations a second");

            var overloadSeconds = (int)options.Length.TotalSeconds;
            var before = await stage.UntilWholeAsync();
            string[] plan =
            [
                new FloodStage(capacity * NormalShare / floods.Count, NormalSeconds).ToWord(),
                new FloodStage(capacity * options.Times / floods.Count, overloadSeconds).ToWord(),
                new FloodStage(capacity * NormalShare / floods.Count, NormalSeconds).ToWord(),
            ];
            Tell($"{capacity * NormalShare:n0} a second for {NormalSeconds} s, {capacity * options.Times:n0} for {overloadSeconds} s, {capacity * NormalShare:n0} for {NormalSeconds} s");
            using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
            var sampling = SampleAsync(system, over.Token);
            var seconds = await OrderAllAsync(string.Join(' ', plan), "open");
            await over.CancelAsync();
            var after = await stage.UntilWholeAsync();
            return new OverloadReport
            {
                Options = options,
                Capacity = capacity,
                Offered = capacity * options.Times,
                Normal = [.. seconds.Take(NormalSeconds)],
                Overload = [.. seconds.Skip(NormalSeconds).Take(overloadSeconds)],
                After = [.. seconds.Skip(NormalSeconds + overloadSeconds)],
                Memory = [.. (await sampling).Select(sample => sample with { At = sample.At - TimeSpan.FromSeconds(NormalSeconds) })],
                Elections = after.Terms - before.Terms,
                Shards = before.Shards,
                Restarted = [.. stage.Restarted],
            };
        }
        finally
        {
            floods.ForEach(static flood => flood.Dispose());
            Directory.Delete(folder, recursive: true);
        }

        async Task<IReadOnlyList<LoadSecond>> OrderAllAsync(string what, string how)
        {
            string[] files = [.. floods.Select((_, i) => Path.Combine(folder, $"{i}.ndjson"))];
            await Task.WhenAll(floods.Select((flood, i) => flood.OrderAsync($"{how} {files[i]} {what}", stop)));
            return LoadSecond.Together([.. files.Select(static file => File.ReadLines(file).Select(static line => JsonSerializer.Deserialize<LoadSecond>(line)!).ToArray())]);
        }
    }

    private async Task<IReadOnlyList<MemorySample>> SampleAsync(LocalSystem system, CancellationToken over)
    {
        var samples = new List<MemorySample>();
        var beganAt = time.GetTimestamp();
        while (!over.IsCancellationRequested)
        {
            samples.AddRange(system.Silos.Values.SelectMany(static silos => silos)
                .Select(silo => new MemorySample(silo, time.GetElapsedTime(beganAt), system.ResidentBytesOf(silo))));
            await Task.Delay(SamplePeriod, time, over).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        return samples;
    }

    private void Tell(string what) => say($"{time.GetElapsedTime(startedAt).TotalSeconds,6:0.0} s  {what}");
}
