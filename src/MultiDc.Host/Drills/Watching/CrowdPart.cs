using System.Globalization;
using System.Text.Json;
using HdrHistogram;
using MultiDc.Client;
using MultiDc.Host.Bench;

namespace MultiDc.Host.Drills.Watching;

/// <summary>
/// Watchers of one key each and the writers of these keys, or a watcher of everything that takes one batch and then no more. A value says when its write began, on the clock
/// that all processes of a machine share, so that whoever is told of it knows how long that took.
/// </summary>
internal sealed class CrowdPart(DrillSurroundings surroundings) : IDrillPart
{
    public const string Name = "crowd";

    private const string Keyspace = "default";
    private const int Keys = 20;
    private const int ValueBytes = 1_024;
    private const long GreatestTenths = 600_000;
    private static readonly TimeSpan PacerStep = TimeSpan.FromMilliseconds(1);

    private readonly TimeProvider time = TimeProvider.System;
    private readonly CancellationTokenSource ending = new();
    private readonly TaskCompletionSource gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private LongConcurrentHistogram delays = new(1, GreatestTenths, 2);
    private CancellationTokenSource sticking = new();

    public async Task<string?> ObeyAsync(string[] order, CancellationToken stop)
    {
        switch (order)
        {
            case ["watch", var count]:
                var begun = Enumerable.Range(0, int.Parse(count, CultureInfo.InvariantCulture)).Select(i =>
                {
                    var first = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    _ = Task.Run(() => WatchAsync(KeyOf(i % Keys), first, ending.Token), CancellationToken.None);
                    return first.Task;
                }).ToArray();
                await Task.WhenAll(begun).WaitAsync(stop);
                return "";
            case ["write", var rate]:
                _ = Task.Run(() => WriteAsync(double.Parse(rate, CultureInfo.InvariantCulture), ending.Token), CancellationToken.None);
                return "";
            case ["begin"]:
                Interlocked.Exchange(ref delays, new(1, GreatestTenths, 2));
                return "";
            case ["end"]:
                var measured = Interlocked.Exchange(ref delays, new(1, GreatestTenths, 2));
                return gone.Task.IsCompleted
                    ? throw new DrillFailedException("a watcher has ended")
                    : JsonSerializer.Serialize(measured.RecordedValues().Select(static value => new[] { value.ValueIteratedTo, value.CountAddedInThisIterationStep }));
            case ["stick"]:
                sticking = new();
                var stuck = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _ = Task.Run(() => StickAsync(stuck, sticking.Token), CancellationToken.None);
                await stuck.Task.WaitAsync(stop);
                return "";
            case ["loosen"]:
                await sticking.CancelAsync();
                return "";
            default:
                return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        await sticking.CancelAsync();
        ending.Dispose();
        sticking.Dispose();
    }

    private string KeyOf(int key) => $"{surroundings.Prefix}/{key}";

    private async Task WatchAsync(string key, TaskCompletionSource first, CancellationToken stop)
    {
        try
        {
            await foreach (var batch in surroundings.Client.WatchAsync(Keyspace, WatchFilter.Key(System.Text.Encoding.UTF8.GetBytes(key)), WatchStart.Now, cancellationToken: stop))
            {
                first.TrySetResult();
                foreach (var change in batch.Events)
                {
                    var begunAt = long.Parse(change.ValueText()!.Split(' ', 2)[0], CultureInfo.InvariantCulture);
                    delays.RecordValue(Math.Clamp((long)(time.GetElapsedTime(begunAt).TotalMilliseconds * 10), 1, GreatestTenths));
                }
            }
        }
        catch (Exception exception) when (!stop.IsCancellationRequested)
        {
            first.TrySetException(exception);
            gone.TrySetResult();
        }
    }

    private async Task WriteAsync(double rate, CancellationToken stop)
    {
        var loop = new OpenLoop(time, time.GetTimestamp(), rate);
        var padding = new string('x', ValueBytes);
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            for (var meantAt = loop.Take(); time.GetTimestamp() < meantAt;)
            {
                await Task.Delay(PacerStep, time, CancellationToken.None);
            }

            _ = surroundings.Client.PutAsync(Keyspace, KeyOf(i % Keys), $"{time.GetTimestamp()} {padding}", cancellationToken: CancellationToken.None);
        }
    }

    // It goes on waiting for whoever takes the next batch, as a consumer does that hangs.
    private async Task StickAsync(TaskCompletionSource stuck, CancellationToken stop)
    {
        await using var batches = surroundings.Client.WatchPrefixAsync(Keyspace, surroundings.Prefix, WatchStart.Now, cancellationToken: stop).GetAsyncEnumerator(stop);
        while (await batches.MoveNextAsync() && batches.Current.IsProgress)
        {
        }

        stuck.TrySetResult();
        await Task.Delay(Timeout.Infinite, stop).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }
}
