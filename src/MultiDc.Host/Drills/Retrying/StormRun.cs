using System.Globalization;
using MultiDc.Host.Drills.Watching;
using MultiDc.Server.StateMachine;

namespace MultiDc.Host.Drills.Retrying;

/// <summary>The drill from beginning to end: workers in every datacenter, the counter's leader moved on all the time; then the sum, and the sessions in the stores of one datacenter.</summary>
internal sealed class StormRun(StormOptions options, Action<string> say, TimeProvider time)
{
    private static readonly TimeSpan ChangePeriod = TimeSpan.FromSeconds(3);

    private readonly long startedAt = time.GetTimestamp();

    /// <exception cref="DrillFailedException">The drill could not go on, for a reason that is no verdict.</exception>
    public async Task<IDrillReport> RunAsync(CancellationToken stop)
    {
        var system = new LocalSystem(options.Script);
        await system.LookAsync(stop);
        if (system.Store == "postgres")
        {
            throw new DrillFailedException("sessions are counted in silos' folders: it takes \"up --store rocksdb\"");
        }

        var stage = new DrillStage(system, () => time.GetTimestamp() - startedAt, Tell, time, stop);
        var before = await stage.UntilWholeAsync();
        var folder = Directory.CreateTempSubdirectory("multidc-drill-").FullName;
        var parts = new List<DrillProcess>();
        try
        {
            parts.AddRange(system.FullDatacenters.Select(datacenter => DrillPartCommand.Start(system, datacenter, StormPart.Name, startedAt)));
            using var mover = DrillPartCommand.Start(system, system.FullDatacenters[0], ChurnPart.Name, startedAt);
            stage.Loads = system.FullDatacenters.ToDictionary(static datacenter => datacenter, _ => mover);
            string[] files = [.. parts.Select((_, i) => Path.Combine(folder, $"{i}.sums"))];
            Tell($"{options.Increments:n0} increments, of whose answers {options.Lost:p0} get lost");
            var beganAt = time.GetTimestamp();
            var adding = Task.WhenAll(parts.Select((part, i) => part.OrderAsync(
                string.Create(CultureInfo.InvariantCulture, $"add {(options.Increments / parts.Count) + (i < options.Increments % parts.Count ? 1 : 0)} {before.Shards} {options.Lost} {options.Seed + (ulong)i} {files[i]}"), stop)));
            await MoveLeaderAsync(stage, mover, before.Shards, adding);
            var told = (await adding).Select(static words => words.Split(' ').Select(static word => long.Parse(word, CultureInfo.InvariantCulture)).ToArray()).ToArray();
            var took = time.GetElapsedTime(beganAt);
            var after = await stage.UntilWholeAsync();
            var sum = long.Parse(await parts[0].OrderAsync("read", stop), CultureInfo.InvariantCulture);
            var answered = files.SelectMany(File.ReadLines).Select(static line => long.Parse(line, CultureInfo.InvariantCulture)).ToArray();
            Tell($"stopping the silos of {system.FullDatacenters[0]} to count sessions");
            var sessions = await CountSessionsAsync(stage);
            return new StormReport
            {
                Options = options,
                Took = took,
                Sum = sum,
                Answered = answered,
                Undecided = told.Sum(static words => words[1]),
                AnswersLost = told.Sum(static words => words[0]),
                Elections = after.Terms - before.Terms,
                Sessions = sessions,
            };
        }
        finally
        {
            parts.ForEach(static part => part.Dispose());
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task MoveLeaderAsync(DrillStage stage, DrillProcess mover, int shards, Task over)
    {
        var shard = Pauses.ShardOf(StormPart.CounterOf(DrillSurroundings.PrefixOf(startedAt)), shards);
        for (var turn = 0; await Task.WhenAny(over, stage.WaitAsync(ChangePeriod)) != over; turn++)
        {
            await mover.OrderAsync($"change {shard} {stage.System.FullDatacenters[turn % stage.System.FullDatacenters.Count]}", stage.Stop);
        }
    }

    /// <summary>Of the shard that remembers most.</summary>
    private static async Task<int> CountSessionsAsync(DrillStage stage)
    {
        var most = 0;
        await stage.InspectStoresAsync(stage.System.FullDatacenters[0], store =>
        {
            foreach (var replica in store.ListReplicas().Select(store.Describe))
            {
                var sessions = 0;
                store.ReadState(replica, row => sessions += StoredContent.OfRow(row) is StoredSession ? 1 : 0);
                most = Math.Max(most, sessions);
            }
        });
        return most;
    }

    private void Tell(string what) => say($"{time.GetElapsedTime(startedAt).TotalSeconds,6:0.0} s  {what}");
}
