using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Host.Bench;
using MultiDc.Raft;
using MultiDc.Ring;

namespace MultiDc.Host.Drills.Watching;

/// <summary>One datacenter's writers and watchers: a watcher that goes on to the end, and one that ends and resumes from its token all the time.</summary>
internal sealed class ChurnPart(DrillSurroundings surroundings) : IDrillPart
{
    public const string Name = "churn";

    private const string Keyspace = "default";
    private const int Keys = 200;
    private const int MaxUnderWay = 2_000;
    private const int BatchesUntilResumed = 500;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PacerStep = TimeSpan.FromMilliseconds(1);

    private readonly TimeProvider time = TimeProvider.System;
    private readonly CancellationTokenSource ending = new();
    private readonly ConcurrentDictionary<long, int> appliedBySecond = new();
    private CancellationTokenSource writing = new();
    private Task writes = Task.CompletedTask;
    private StreamWatcher[] watchers = [];
    private long underWay;
    private long unknown;
    private long rejected;
    private long broken;

    public async Task<string?> ObeyAsync(string[] order, CancellationToken stop)
    {
        switch (order)
        {
            case ["watch"]:
                watchers = [new($"in {surroundings.Datacenter}", int.MaxValue), new($"in {surroundings.Datacenter} that resumes", BatchesUntilResumed)];
                foreach (var watcher in watchers)
                {
                    watcher.Start(surroundings.Client, Keyspace, surroundings.Prefix, ending.Token);
                }

                await Task.WhenAll(watchers.Select(static watcher => watcher.Begun)).WaitAsync(stop);
                return "";
            case ["write", var rate, var seed]:
                writing = new();
                writes = Task.Run(() => WriteAsync(double.Parse(rate, CultureInfo.InvariantCulture), ulong.Parse(seed, CultureInfo.InvariantCulture), writing.Token), CancellationToken.None);
                return "";
            case ["change", var shard, var datacenter]:
                return $"{await ChangeLeaderAsync(new(Keyspace, int.Parse(shard, CultureInfo.InvariantCulture)), new(datacenter))}";
            case ["rest"]:
                await writing.CancelAsync();
                await writes;
                return JsonSerializer.Serialize(new ChurnWrites(appliedBySecond.OrderBy(static pair => pair.Key).Select(static pair => new[] { pair.Key, pair.Value }).ToArray(), unknown, rejected, broken));
            case ["end", var shards]:
                foreach (var key in EndsOf(surroundings.Prefix, int.Parse(shards, CultureInfo.InvariantCulture)))
                {
                    while (await surroundings.Client.PutAsync(Keyspace, key, "end", Timeout, stop) is not Applied)
                    {
                    }
                }

                return "";
            case ["told", var file, var shards, var seconds]:
                var ends = EndsOf(surroundings.Prefix, int.Parse(shards, CultureInfo.InvariantCulture));
                var patience = Task.Delay(TimeSpan.FromSeconds(int.Parse(seconds, CultureInfo.InvariantCulture)), time, stop);
                await Task.WhenAny(Task.WhenAll(watchers.Select(watcher => watcher.UntilSeenAsync(ends, patience))), patience);
                await File.WriteAllLinesAsync(file, watchers.Select(static watcher => JsonSerializer.Serialize(watcher.Tell())), stop);
                return "";
            default:
                return null;
        }
    }

    /// <summary>The last key of each shard.</summary>
    public static string[] EndsOf(string prefix, int shards) => [.. Enumerable.Range(0, shards).Select(shard =>
        Enumerable.Range(0, int.MaxValue).Select(i => $"{prefix}/end-{i}").First(key => Pauses.ShardOf(key, shards) == shard))];

    public async ValueTask DisposeAsync()
    {
        await writing.CancelAsync();
        await ending.CancelAsync();
        writing.Dispose();
        ending.Dispose();
    }

    private async Task WriteAsync(double rate, ulong seed, CancellationToken stop)
    {
        var random = new SeededRandomSource(seed);
        var loop = new OpenLoop(time, time.GetTimestamp(), rate);
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            for (var meantAt = loop.Take(); time.GetTimestamp() < meantAt;)
            {
                await Task.Delay(PacerStep, time, CancellationToken.None);
            }

            if (Interlocked.Read(ref underWay) < MaxUnderWay)
            {
                Interlocked.Increment(ref underWay);
                _ = OneAsync($"{surroundings.Prefix}/{random.Next(0, Keys)}", random.Next(0, 5) == 0 ? null : $"{surroundings.Datacenter}-{i}");
            }
        }

        while (Interlocked.Read(ref underWay) > 0)
        {
            await Task.Delay(PacerStep, time, CancellationToken.None);
        }
    }

    private async Task OneAsync(string key, string? value)
    {
        try
        {
            switch (value is null ? await surroundings.Client.DeleteAsync(Keyspace, key, Timeout) : await surroundings.Client.PutAsync(Keyspace, key, value, Timeout))
            {
                case Applied:
                    appliedBySecond.AddOrUpdate((long)time.GetElapsedTime(surroundings.StartedAt).TotalSeconds, 1, static (_, count) => count + 1);
                    break;
                case Unknown:
                    Interlocked.Increment(ref unknown);
                    break;
                default:
                    Interlocked.Increment(ref rejected);
                    break;
            }
        }
        catch (Exception)
        {
            Interlocked.Increment(ref broken);
        }
        finally
        {
            Interlocked.Decrement(ref underWay);
        }
    }

    // Asked of every replica: only the leader's does anything.
    private async Task<bool> ChangeLeaderAsync(ShardId shard, DatacenterId to)
    {
        var asked = await Task.WhenAll(surroundings.Links.FullDatacenters.Select(async datacenter =>
        {
            try
            {
                return surroundings.Links.TryGetLink(datacenter, out var link) && link.TryGetGrain<IReplicaGrain>(new ReplicaAddress(shard, datacenter).ToString(), out var replica)
                    && await replica.TransferLeadershipAsync(to).WaitAsync(Timeout, time);
            }
            catch (Exception exception) when (exception is TimeoutException or Orleans.Runtime.OrleansException)
            {
                return false;
            }
        }));
        return asked.Contains(true);
    }
}

/// <summary>What came of the writes of one datacenter.</summary>
/// <param name="AppliedBySecond">Second since the drill's beginning, and how many were acknowledged in it.</param>
/// <param name="Unknown">How many may have happened.</param>
/// <param name="Rejected">How many did not.</param>
/// <param name="Broken">How many ended in an exception.</param>
internal sealed record ChurnWrites(long[][] AppliedBySecond, long Unknown, long Rejected, long Broken);
