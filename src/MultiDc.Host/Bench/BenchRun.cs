using MultiDc.Host.CommandLine;
using MultiDc.Raft;

namespace MultiDc.Host.Bench;

/// <summary>Loads the keys, warms up, measures, and waits for what is under way.</summary>
/// <param name="options">What is to be done.</param>
/// <param name="target">What is measured.</param>
/// <param name="time">The clock of everything.</param>
/// <param name="progress">Is told what goes on.</param>
internal sealed class BenchRun(BenchOptions options, IBenchTarget target, TimeProvider time, Action<string> progress)
{
    private const int MaxLoaders = 256;
    private const int LoadAttempts = 5;

    // As in YCSB-E.
    private const int MaxScanned = 100;

    /// <summary>Beyond an operation's own time-out, before it is counted as unfinished.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    // What a client has inserted in this run has its own number: a second run on the same keys must insert others.
    private readonly long firstInsert = time.GetUtcNow().ToUnixTimeSeconds() * 1_000_000;
    private readonly long[] inserted = new long[options.Clients];
    private readonly BenchData data = new(options.Keys, options.ValueBytes, options.Seed);

    /// <exception cref="CommandException">The keys could not be loaded.</exception>
    public async Task<BenchReport> RunAsync(CancellationToken stop)
    {
        if (options.Load && options.Workload.Other != OperationKind.Ping)
        {
            progress($"loading {options.Keys:n0} keys with values of {options.ValueBytes:n0} bytes");
            await LoadAsync(stop).ConfigureAwait(false);
        }

        progress($"{options.Workload.Name}: warming up for {options.WarmUp.TotalSeconds:0.###} s, measuring for {options.Duration.TotalSeconds:0.###} s");
        var origin = time.GetTimestamp();
        var measurements = new Measurements(time, options.Clients, After(origin, options.WarmUp), After(origin, options.WarmUp + options.Duration));
        var openLoop = options.Rate is { } rate ? new OpenLoop(time, origin, rate) : null;
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var clients = Task.WhenAll(Enumerable.Range(0, options.Clients).Select(client => Task.Run(() => WorkAsync(client, measurements, openLoop, giveUp.Token), CancellationToken.None)));
        var use = await UseWithinAsync(measurements, stop).ConfigureAwait(false);
        await Task.WhenAny(clients, Task.Delay(options.Timeout + Grace, time, stop)).ConfigureAwait(false);

        // Merged before they are given up, so that what never ended is not counted as anything else.
        var measured = measurements.Merge();
        await giveUp.CancelAsync().ConfigureAwait(false);
        stop.ThrowIfCancellationRequested();
        return new()
        {
            Target = target.Name,
            Options = options,
            Measured = measured,
            NotBegun = openLoop is null ? 0 : openLoop.CountBetween(measurements.WindowFrom, measurements.WindowTo) - measured.Begun,
            Servers = use.Servers,
            Client = use.Client,
        };
    }

    private async Task<(ResourceUse? Servers, ResourceUse Client)> UseWithinAsync(Measurements measurements, CancellationToken stop)
    {
        await Task.Delay(LeftUntil(measurements.WindowFrom), time, stop).ConfigureAwait(false);
        var (client, servers) = (OwnUsage(), await target.GetUsageAsync(stop).ConfigureAwait(false));
        await Task.Delay(LeftUntil(measurements.WindowTo), time, stop).ConfigureAwait(false);
        return (ResourceUse.Between(servers, await target.GetUsageAsync(stop).ConfigureAwait(false)), ResourceUse.Between([client], [OwnUsage()])!);
    }

    private static ServerUsage OwnUsage() => new("client", Environment.CpuUsage.TotalTime, GC.GetTotalAllocatedBytes(), null, null);

    private async Task LoadAsync(CancellationToken stop)
    {
        var loaders = Math.Min(MaxLoaders, options.Keys);
        await Task.WhenAll(Enumerable.Range(0, loaders).Select(loader => Task.Run(
            async () =>
            {
                var random = new SeededRandomSource(options.Seed + (ulong)loader);
                for (var key = loader; key < options.Keys; key += loaders)
                {
                    var outcome = OperationOutcome.Done;
                    for (var attempt = 0; attempt < LoadAttempts; attempt++)
                    {
                        outcome = await DoAsync(loader, OperationKind.Put, key, random, stop).ConfigureAwait(false);
                        if (outcome.Failure is null)
                        {
                            break;
                        }
                    }

                    if (outcome.Failure is { } failure)
                    {
                        throw new CommandException(ExitCode.Unavailable, $"a key could not be loaded in {LoadAttempts} attempts: {failure}");
                    }
                }
            },
            stop))).ConfigureAwait(false);
    }

    private async Task WorkAsync(int client, Measurements measurements, OpenLoop? openLoop, CancellationToken giveUp)
    {
        var random = new SeededRandomSource((options.Seed * 1_000_003) + (ulong)client);
        var keys = KeyChooser.Of(options.Distribution, options.Keys);
        while (!giveUp.IsCancellationRequested)
        {
            var meantAt = openLoop?.Take() ?? time.GetTimestamp();
            if (meantAt < measurements.WindowTo && openLoop is not null)
            {
                await openLoop.WaitUntilAsync(meantAt, giveUp).ConfigureAwait(false);
            }

            var beganAt = openLoop is null ? meantAt : time.GetTimestamp();
            if (meantAt >= measurements.WindowTo || beganAt >= measurements.WindowTo)
            {
                return;
            }

            var kind = options.Workload.Next(random);
            measurements.Begin(client, meantAt, beganAt);
            var operation = DoAsync(client, kind, keys.Next(random), random, giveUp);
            if (operation.IsCompleted)
            {
                // Whoever is refused at once, again and again, must not keep the others from the few threads there are.
                await Task.Yield();
            }

            var outcome = await operation.ConfigureAwait(false);
            measurements.End(client, kind, meantAt, time.GetTimestamp(), outcome);
        }
    }

    private async ValueTask<OperationOutcome> DoAsync(int client, OperationKind kind, int key, IRandomSource random, CancellationToken giveUp)
    {
        try
        {
            switch (kind)
            {
                case OperationKind.Get:
                    return await target.GetAsync(client, data.Key(key), giveUp).ConfigureAwait(false);
                case OperationKind.Put:
                    return await target.PutAsync(client, data.Key(key), data.Value(random), giveUp).ConfigureAwait(false);
                case OperationKind.Scan:
                    return await target.ScanAsync(client, data.Key(key), random.Next(1, MaxScanned + 1), giveUp).ConfigureAwait(false);
                case OperationKind.Insert:
                    return await target.PutAsync(client, BenchData.NewKey(client, firstInsert + inserted[client]++), data.Value(random), giveUp).ConfigureAwait(false);
                case OperationKind.ReadModifyWrite:
                    var read = await target.GetAsync(client, data.Key(key), giveUp).ConfigureAwait(false);
                    return read.Failure is null ? await target.PutAsync(client, data.Key(key), data.Value(random), giveUp).ConfigureAwait(false) : read;
                default:
                    return await target.PingAsync(client, giveUp).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (!giveUp.IsCancellationRequested)
        {
            // A write whose call broke may have happened.
            return new(kind is OperationKind.Get or OperationKind.Scan or OperationKind.Ping ? $"exception: {exception.GetType().Name}" : $"unknown: {exception.GetType().Name}");
        }
    }

    private long After(long timestamp, TimeSpan span) => timestamp + (long)(span.TotalSeconds * time.TimestampFrequency);

    private TimeSpan LeftUntil(long timestamp) => time.GetElapsedTime(time.GetTimestamp(), timestamp) is { Ticks: > 0 } left ? left : TimeSpan.Zero;
}
