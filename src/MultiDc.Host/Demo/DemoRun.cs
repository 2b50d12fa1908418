using MultiDc.Host.Histories;
using MultiDc.Linearizability;
using MultiDc.Ring;

namespace MultiDc.Host.Demo;

/// <summary>The demo from beginning to end; reads like its output.</summary>
internal sealed class DemoRun(DemoOptions options, IReadOnlyList<KeyValuePair<string, string>> rows, IDemoDisplay display, TimeProvider time) : IAsyncDisposable
{
    private const ulong CaughtUpLag = 64;
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(2);

    private readonly DemoCluster cluster = new(options);
    private readonly WritePauses pauses = new(options.Shards);
    private readonly List<DemoClient> clients = [];
    private List<DemoClient> readers = [];
    private readonly List<TimeSpan> measuredPauses = [];
    private HistoryRecorder recorder = null!;

    /// <summary>Runs everything up to the final reads.</summary>
    /// <exception cref="DemoFailedException">The demo could not go on, for a reason that is no verdict on the data.</exception>
    public async Task<DemoOutcome> RunAsync(CancellationToken stop)
    {
        recorder = new(
            time,
            DemoCluster.Keyspace,
            time.GetTimestamp(),
            acknowledged: (key, at) => pauses.Acknowledged(HashRange.ShardOf(HashRange.HashOf(System.Text.Encoding.UTF8.GetBytes(key)), options.Shards), at));
        await StartAsync(stop);
        var workload = new Workload(recorder, clients, readers, rows, options);
        using var workEnds = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var watching = WatchAsync(workEnds.Token);

        var startedAt = time.GetTimestamp();
        await workload.LoadAsync(_ => { }, stop);
        display.Say($"loaded {rows.Count:n0} rows in {time.GetElapsedTime(startedAt).TotalSeconds:0.0} s; every one is acknowledged by a majority of datacenters");

        startedAt = time.GetTimestamp();
        display.Say($"{options.Workers} readers and {options.Workers} writers in every datacenter, and {options.Increments:n0} increments of one counter from all of them");
        var counting = workload.CountAsync(stop);
        var working = workload.ReadAndWriteAsync(workEnds.Token);
        for (var kill = 1; kill <= options.Kills; kill++)
        {
            if (kill == 1)
            {
                await UntilAsync(() => workload.Incremented >= options.Increments / 2 || counting.IsCompleted, "the counter did not get half-way", stop);
            }

            await KillAndReviveAsync(kill, workload, stop);
        }

        await UntilAsync(() => counting.IsCompleted && time.GetElapsedTime(startedAt) >= options.Duration, "the counter did not get to its end", stop);
        await counting;
        await workEnds.CancelAsync();
        await Task.WhenAll(working, watching);

        display.Say("all quiet; reading every key once more");
        var readFrom = recorder.Now;
        await workload.ReadAllAsync(_ => { }, stop);
        var final = recorder.Operations.Where(o => o.Kind == OperationKind.Get && o.Start >= readFrom && o.Result == OperationResult.Ok)
            .GroupBy(static o => o.Key).ToDictionary(static g => g.Key, static g => g.Last().Output);
        return new([.. recorder.Operations], final, CounterWorker.TotalOf(final.GetValueOrDefault(Workload.CounterKey)), options.Increments, measuredPauses);
    }

    public async ValueTask DisposeAsync()
    {
        // The processes first: clients then have nobody to say goodbye to and do not wait.
        cluster.Dispose();
        await Task.WhenAll(clients.Union(readers).Select(static client => client.DisposeAsync().AsTask()));
    }

    private async Task StartAsync(CancellationToken stop)
    {
        foreach (var datacenter in cluster.Datacenters)
        {
            datacenter.Start();
        }

        display.Say($"three datacenters start, each its own process and Orleans cluster, below {options.Folder}");
        using var connecting = CancellationTokenSource.CreateLinkedTokenSource(stop);
        connecting.CancelAfter(StartDeadline);
        try
        {
            clients.AddRange(await ConnectAsync());

            // Clients that write know where the leaders are and would ask them; the broken rule shows in those that ask at home.
            readers = options.Break is null ? clients : [.. await ConnectAsync()];
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw Failed("the datacenters did not come up");
        }

        await UntilAsync(async () => (await StatusAsync(stop)).IsComplete, "the shards did not find leaders", stop);
        display.Say($"{options.Shards} shards with a replica in every datacenter, all with a leader");

        Task<DemoClient[]> ConnectAsync() => Task.WhenAll(cluster.Datacenters.Select(d => DemoClient.ConnectAsync(d.Name, cluster.Gateways, connecting.Token)));
    }

    private async Task KillAndReviveAsync(int kill, Workload workload, CancellationToken stop)
    {
        var status = await StatusAsync(stop);
        var victim = status.Datacenters.MaxBy(static d => d.Leading.Count)!;
        var datacenter = cluster.Datacenters.First(d => d.Name == victim.Name);
        pauses.Begin(recorder.Now);
        await datacenter.KillAsync();
        display.Say($"kill {kill} of {options.Kills}: kill -9 of {victim.Name}, which led shards {string.Join(' ', victim.Leading)}; the counter stood at {workload.Incremented}");

        await Task.Delay(options.Downtime, time, stop);
        var (pause, resumed) = pauses.End(victim.Leading, recorder.Now);
        if (!resumed)
        {
            await UntilAsync(() => pauses.End(victim.Leading, recorder.Now).AllResumed, $"writes did not resume without {victim.Name}", stop);
            (pause, _) = pauses.End(victim.Leading, recorder.Now);
        }

        measuredPauses.Add(pause);
        display.Say($"writes to its shards paused for {pause.TotalSeconds:0.00} s at the longest, and went on without {victim.Name}");

        var revivedAt = time.GetTimestamp();
        datacenter.Start();
        await UntilAsync(
            async () => await StatusAsync(stop) is { IsComplete: true } now && now.Datacenters.First(d => d.Name == victim.Name).Lag <= CaughtUpLag,
            $"{victim.Name} did not come back",
            stop);
        display.Say($"{victim.Name} is back and has caught up, {time.GetElapsedTime(revivedAt).TotalSeconds:0.0} s after its start");
        await Task.Delay(Settle, time, stop);
    }

    private async Task WatchAsync(CancellationToken stop)
    {
        var (doneBefore, at) = (recorder.Done, time.GetTimestamp());
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(TimeSpan.FromSeconds(1), time, stop);
                var status = await StatusAsync(stop);
                var (done, now) = (recorder.Done, time.GetTimestamp());
                display.Show(status, cluster.Datacenters, (done - doneBefore) / time.GetElapsedTime(at, now).TotalSeconds, recorder.TakeLatencies());
                (doneBefore, at) = (done, now);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
        }
    }

    // Asked through a client whose datacenter lives, whichever that is.
    private Task<DemoStatus> StatusAsync(CancellationToken stop)
    {
        var alive = clients.FirstOrDefault(c => cluster.Datacenters.Any(d => d.Name == c.Datacenter && d.IsRunning)) ?? clients[0];
        return DemoStatus.AskAsync(alive.Client, cluster.Datacenters.Select(static d => d.Name), options.Shards, stop);
    }

    private Task UntilAsync(Func<bool> condition, string otherwise, CancellationToken stop) => UntilAsync(() => Task.FromResult(condition()), otherwise, stop);

    private async Task UntilAsync(Func<Task<bool>> condition, string otherwise, CancellationToken stop)
    {
        var startedAt = time.GetTimestamp();
        while (!await condition())
        {
            if (time.GetElapsedTime(startedAt) > StartDeadline + options.Duration)
            {
                throw Failed(otherwise);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), time, stop);
        }
    }

    private DemoFailedException Failed(string what) => new(
        cluster.Datacenters.FirstOrDefault(static d => !d.IsRunning) is { } dead ? $"{what}: {dead.DescribeExit()}" : $"{what} in time; the logs are below {options.Folder}");
}

/// <summary>The demo could not go on.</summary>
internal sealed class DemoFailedException(string message) : Exception(message);
