using System.Text.Json;
using MultiDc.Raft;

namespace MultiDc.Host.Drills.Watching;

/// <summary>
/// The drill from beginning to end: watchers and writers in every datacenter; leaders changed and silos killed; quiet, and a last key in each shard; then the silos of one
/// datacenter are stopped, and their logs compared with what every watcher was told.
/// </summary>
internal sealed class ChurnRun(ChurnOptions options, Action<string> say, TimeProvider time)
{
    private const int WarmUpSeconds = 5;
    private const int WatcherPatienceSeconds = 60;
    private static readonly TimeSpan ChangePatience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LookPause = TimeSpan.FromMilliseconds(300);

    private readonly long startedAt = time.GetTimestamp();

    /// <exception cref="DrillFailedException">The drill could not go on, for a reason that is no verdict.</exception>
    public async Task<IDrillReport> RunAsync(CancellationToken stop)
    {
        var system = new LocalSystem(options.Script);
        await system.LookAsync(stop);
        if (system.Store == "postgres")
        {
            throw new DrillFailedException("logs are compared in silos' folders: it takes \"up --store rocksdb\"");
        }

        var stage = new DrillStage(system, () => time.GetTimestamp() - startedAt, Tell, time, stop);
        await stage.UntilWholeAsync();
        var folder = Directory.CreateTempSubdirectory("multidc-drill-").FullName;
        var parts = new List<DrillProcess>();
        try
        {
            parts.AddRange(system.FullDatacenters.Select(datacenter => DrillPartCommand.Start(system, datacenter, ChurnPart.Name, startedAt)));
            stage.Loads = system.FullDatacenters.Zip(parts).ToDictionary(static pair => pair.First, static pair => pair.Second);
            await OrderAllAsync(static _ => "watch");
            var perPart = (double)options.Rate / parts.Count;
            await OrderAllAsync(i => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"write {perPart:0.##} {options.Seed + (ulong)i}"));
            Tell($"two watchers in each datacenter, and {options.Rate:n0} writes a second in all");
            await stage.WaitAsync(TimeSpan.FromSeconds(WarmUpSeconds));
            var before = await stage.UntilWholeAsync();
            var from = time.GetElapsedTime(startedAt);
            var changes = await ChurnAsync(stage, parts[0]);
            var to = time.GetElapsedTime(startedAt);
            var after = await stage.UntilWholeAsync();
            var writes = (await OrderAllAsync(static _ => "rest")).Select(static told => JsonSerializer.Deserialize<ChurnWrites>(told)!).ToArray();
            await parts[0].OrderAsync($"end {before.Shards}", stop);
            Tell("all quiet; waiting until every watcher has seen the end");
            string[] files = [.. parts.Select((_, i) => Path.Combine(folder, $"{i}.ndjson"))];
            await OrderAllAsync(i => $"told {files[i]} {before.Shards} {WatcherPatienceSeconds}");
            var streams = files.SelectMany(File.ReadLines).Select(static line => JsonSerializer.Deserialize<ToldStream>(line)!).ToArray();
            return new ChurnReport
            {
                Options = options,
                Shards = before.Shards,
                LeaderChanges = changes,
                Elections = after.Terms - before.Terms,
                Restarted = [.. stage.Restarted],
                From = from,
                To = to,
                Writes = writes,
                Streams = [.. streams.Select(static stream => StreamFigures.Of(stream))],
                Differences = StreamComparison.Of(streams, await ReadLogsAsync(stage, before.Shards, streams)),
            };
        }
        finally
        {
            parts.ForEach(static part => part.Dispose());
            Directory.Delete(folder, recursive: true);
        }

        Task<string[]> OrderAllAsync(Func<int, string> order) => Task.WhenAll(parts.Select((part, i) => part.OrderAsync(order(i), stop)));
    }

    private async Task<int> ChurnAsync(DrillStage stage, DrillProcess asking)
    {
        var random = new SeededRandomSource(options.Seed);
        var silos = stage.System.FullDatacenters.SelectMany(datacenter => stage.System.Silos[datacenter].Select((silo, i) => (silo, i))).OrderBy(static pair => pair.i).Select(static pair => pair.silo).ToArray();
        var changes = 0;
        for (var kill = 0; kill < Math.Max(options.Kills, 1); kill++)
        {
            for (var change = 0; change < options.ChangesPerKill; change++)
            {
                changes += await ChangeLeaderAsync(stage, asking, random) ? 1 : 0;
            }

            if (kill < options.Kills)
            {
                var silo = silos[kill % silos.Length];
                Tell($"{changes} leaders changed; kill -9 of {silo}");
                await stage.DoAsync("kill", silo);
                await stage.WaitAsync(Away);
                await stage.DoAsync("start", silo);
                await stage.UntilWholeAsync();
            }
        }

        return changes;
    }

    private async Task<bool> ChangeLeaderAsync(DrillStage stage, DrillProcess asking, SeededRandomSource random)
    {
        var view = await stage.UntilWholeAsync();
        var shard = random.Next(0, view.Shards);
        string[] others = [.. stage.System.FullDatacenters.Where(datacenter => datacenter != view.LeaderOf[shard])];
        var to = others[random.Next(0, others.Length)];
        for (var askedSince = time.GetTimestamp(); time.GetElapsedTime(askedSince) < ChangePatience; await stage.WaitAsync(LookPause))
        {
            await asking.OrderAsync($"change {shard} {to}", stage.Stop);
            if ((await stage.ViewAsync(stage.System.FullDatacenters[0])).LeaderOf.GetValueOrDefault(shard, view.LeaderOf[shard]) != view.LeaderOf[shard])
            {
                return true;
            }
        }

        throw new DrillFailedException($"shard {shard} did not change its leader within {ChangePatience.TotalSeconds:0} s");
    }

    // The silos of one datacenter have a replica of every shard between them.
    private async Task<string[][]> ReadLogsAsync(DrillStage stage, int shards, IReadOnlyList<ToldStream> streams)
    {
        var datacenter = stage.System.FullDatacenters[0];
        var prefix = DrillSurroundings.PrefixOf(startedAt);
        var logs = new string[shards][];
        Tell($"stopping the silos of {datacenter} to read their logs");
        await stage.InspectStoresAsync(datacenter, store =>
        {
            foreach (var name in store.ListReplicas())
            {
                if (ReplicaAddress.TryParse(name.Value, out var replica) && replica.Shard.Keyspace == "default")
                {
                    logs[replica.Shard.Number] = [.. LoggedChanges.Read(store, replica, prefix, streams.Min(stream => stream.BegunAt[replica.Shard.Number]))];
                }
            }
        });
        return Array.FindIndex(logs, static log => log is null) is >= 0 and var missing ? throw new DrillFailedException($"no silo of {datacenter} has a replica of shard {missing}") : logs;
    }

    private void Tell(string what) => say($"{time.GetElapsedTime(startedAt).TotalSeconds,6:0.0} s  {what}");
}
