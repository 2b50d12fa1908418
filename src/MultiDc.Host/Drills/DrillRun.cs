using System.Globalization;

namespace MultiDc.Host.Drills;

/// <summary>A drill from beginning to end: load in every datacenter, the scenario, quiet, every key read once more, the verdict.</summary>
internal sealed class DrillRun(DrillOptions options, Action<string> say, TimeProvider time)
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(20);

    private readonly long startedAt = time.GetTimestamp();

    /// <exception cref="DrillFailedException">The drill could not go on, for a reason that is no verdict.</exception>
    public async Task<DrillReport> RunAsync(CancellationToken stop)
    {
        var system = new LocalSystem(options.Script);
        await system.LookAsync(stop);
        if (options.Kind == DrillKind.PostgresLoss && system.Store != "postgres")
        {
            throw new DrillFailedException("no PostgreSQL runs there: it takes \"up --store postgres\"");
        }

        if (options.Kind == DrillKind.WitnessLoss && system.FullDatacenters.Count == system.Silos.Count)
        {
            throw new DrillFailedException("no datacenter there is a witness: it takes \"up --witness\"");
        }

        if (options.Kind == DrillKind.WipedStore && system.Store == "postgres")
        {
            throw new DrillFailedException("silos have no data folders there: it takes \"up --store rocksdb\"");
        }

        var stage = new DrillStage(system, Now, Tell, time, stop);
        await stage.UntilWholeAsync();
        var folder = Directory.CreateTempSubdirectory("multidc-drill-").FullName;
        var loads = new List<DrillProcess>();
        string[] histories = [.. system.FullDatacenters.Select(datacenter => Path.Combine(folder, $"{datacenter}.ndjson"))];
        try
        {
            loads.AddRange(system.FullDatacenters.Select((datacenter, i) => DrillPartCommand.Start(
                system, datacenter, LoadPart.Name, startedAt, LoadPart.Arguments(i, options.Workers, options.Seed, histories[i]))));
            stage.Loads = system.FullDatacenters.Zip(loads).ToDictionary(static pair => pair.First, static pair => pair.Second);
            await Task.WhenAll(loads.Select(load => load.OrderAsync("work", stop)));
            var without = system.Datacenters.Except(system.FullDatacenters).ToArray();
            Tell($"{options.Workers} readers and {options.Workers} writers in every datacenter{(without.Length == 0 ? "" : $" but {string.Join(", ", without)}, a witness")}");
            await stage.WaitAsync(WarmUp);
            var before = await stage.UntilWholeAsync();

            await DrillScenarios.PlayAsync(stage, options);

            var after = await stage.UntilWholeAsync();
            await Task.WhenAll(loads.Select(load => load.OrderAsync("rest", stop)));
            await stage.UntilWholeAsync();
            Tell("all quiet; reading every key once more");
            var readFrom = Now();
            await loads[0].OrderAsync("read", stop);
            var overrunsMs = await Task.WhenAll(loads.Select(load => load.OrderAsync("write", stop)));
            return new()
            {
                Kind = options.Kind,
                Datacenters = system.FullDatacenters,
                History = [.. histories.SelectMany(LoadPart.ReadHistory)],
                StaleReads = system.FullDatacenters.Zip(histories).ToDictionary(static pair => pair.First, static pair => LoadPart.ReadStaleReads(pair.Second)),
                ReadFrom = readFrom,
                Faults = [.. stage.Faults],
                Restarted = [.. stage.Restarted],
                Refills = [.. stage.Refills],
                Shards = before.Shards,
                Elections = after.Terms - before.Terms,
                LeaderOf = after.LeaderOf,
                LongestOverrun = TimeSpan.FromMilliseconds(overrunsMs.Max(static ms => double.Parse(ms, CultureInfo.InvariantCulture))),
                NearestRoundTripMs = system.NearestRoundTripMs,
            };
        }
        finally
        {
            loads.ForEach(static load => load.Dispose());
            Directory.Delete(folder, recursive: true);
        }
    }

    private long Now() => (long)(time.GetElapsedTime(startedAt).TotalMilliseconds * 1_000_000);

    private void Tell(string what) => say($"{time.GetElapsedTime(startedAt).TotalSeconds,6:0.0} s  {what}");
}
