using System.Collections.Concurrent;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Server.Tests.Watching;
using MultiDc.Testing.Cluster;
using Xunit.Abstractions;

namespace MultiDc.Server.Tests.Cluster;

/// <summary>Watches while leaders change and silos die: what each was told is compared with the log, event by event.</summary>
[Collection(ClusterTests.Name)]
public sealed class WatchFaultTests(ITestOutputHelper output)
{
    private const int Shards = 4;
    private const int ChangesPerKill = 4;

    [Fact]
    public async Task Twenty_changes_of_leader_and_five_dead_silos_leave_nothing_out_and_tell_nothing_twice()
    {
        var problems = await RunAsync(kills: 5, isBroken: false);
        Assert.True(problems.Count == 0, string.Join("\n", problems.Take(20)));
    }

    [Fact]
    public async Task The_same_finds_what_is_missing_when_watches_are_broken_on_purpose() => Assert.NotEmpty(await RunAsync(kills: 0, isBroken: true));

    private async Task<IReadOnlyList<string>> RunAsync(int kills, bool isBroken)
    {
        await using var cluster = await MultiDcTestCluster.StartAsync(new()
        {
            SilosPerDatacenter = 1,
            ShardCount = Shards,
            ElectionTimeout = TimeSpan.FromSeconds(1),
            ConfigureSiloOptions = options => options.UnsafeWatchesResumeFromNow = isBroken,
            ConfigureClient = static options =>
            {
                options.Watch.PollTime = TimeSpan.FromSeconds(1);
                options.Watch.MaxStaleness = TimeSpan.FromSeconds(3);
                options.Watch.ReturnPeriod = TimeSpan.FromSeconds(1);
            },
        });
        await cluster.WaitUntilAllRunAsync();
        var keyspace = (await cluster.Client.GetRingAsync())!.Keyspaces.Single(static k => k.Name == "default");
        string[] ends = [.. Enumerable.Range(0, Shards).Select(shard => Enumerable.Range(0, 1000).Select(static i => $"end/{i}")
            .First(key => RingSnapshot.ShardOf(keyspace, System.Text.Encoding.UTF8.GetBytes(key)).Number == shard))];

        // One watcher in each datacenter goes on to the end, another begins anew from its token all the time, in turn in each datacenter.
        Watcher[] watchers = [.. cluster.Clients.Select(c => new Watcher($"in {c.Key}", [c.Value], int.MaxValue, ends)), new("that resumes", [.. cluster.Clients.Values], 50, ends)];
        Task[] watching = [.. watchers.Select(static w => Task.Run(w.RunAsync))];
        await Task.WhenAll(watchers.Select(static w => w.Begun)).WaitAsync(MultiDcTestCluster.Patience);

        using var stopWriting = new CancellationTokenSource();
        var (written, doubtful) = (0, 0);
        var random = new Random(17);
        Task[] writing = [.. Enumerable.Range(0, 12).Select(i => Task.Run(() => WriteAsync(i)))];
        for (var kill = 0; kill < kills; kill++)
        {
            for (var change = 0; change < ChangesPerKill; change++)
            {
                await ChangeLeaderAsync(cluster, $"default/{random.Next(0, Shards)}");
            }

            var dying = cluster.Silos[kill % 3];
            await dying.CrashAsync();
            await cluster.WaitForReplicasAsync("the others lead", all => Enumerable.Range(0, Shards).All(shard => LeaderOf(all, $"default/{shard}") is { } leader && !leader.Replica.EndsWith($"@{dying.Datacenter}", StringComparison.Ordinal)));
            await dying.StartAsync();
            await cluster.WaitUntilAllRunAsync();
        }

        await cluster.WaitAsync("a watcher resumes now and then", () => Task.FromResult(watchers[3].Resumed), static times => times >= 10, static times => $"{times} times");
        await stopWriting.CancelAsync();
        await Task.WhenAll(writing);
        foreach (var end in ends)
        {
            Assert.IsType<Applied>(await cluster.Client.PutAsync("default", end, "end", MultiDcTestCluster.Patience));
        }

        var problems = new List<string>();
        var seen = Task.WhenAll(watching);
        if (isBroken)
        {
            // Whoever misses the end itself would wait for it for ever.
            await Task.WhenAny(seen, watching[..3].Aggregate(static (a, b) => Task.WhenAll(a, b)));
            problems.AddRange(watchers.Where(static w => !w.HasSeenAll).Select(static w => $"the watcher {w.Name} missed the end"));
        }
        else
        {
            await seen.WaitAsync(MultiDcTestCluster.Patience);
        }

        foreach (var silo in cluster.Silos)
        {
            await silo.StopAsync();
        }

        var compared = 0;
        for (var shard = 0; shard < Shards; shard++)
        {
            var log = await LogTwin.ReadAsync(cluster.Silos[0].Disk, new(new("default", shard), new("dc1")));
            foreach (var watcher in watchers)
            {
                string[] expected = [.. log.Where(l => l.Revision > watcher.BegunAt(shard)).Select(static l => $"{l.Revision}: {l.Change}")];
                var told = watcher.ToldOf(shard);
                compared += expected.Length;
                var same = expected.Zip(told).TakeWhile(static pair => pair.First == pair.Second).Count();
                if (same < expected.Length || same < told.Count)
                {
                    problems.Add($"the watcher {watcher.Name}, shard {shard}, after {same} events: told {told.ElementAtOrDefault(same)}, in the log {expected.ElementAtOrDefault(same)}");
                }
            }
        }

        output.WriteLine($"{written} writes ({doubtful} of unknown outcome), {compared} events compared with the log; one watcher resumed {watchers[3].Resumed} times; {problems.Count} problems");
        problems.ForEach(output.WriteLine);
        Assert.True(compared > 500, $"only {compared} events");
        return problems;

        async Task WriteAsync(int writer)
        {
            var chance = new Random(writer);
            var client = cluster.Clients.Values.ElementAt(writer % 3);
            for (var i = 0; !stopWriting.IsCancellationRequested; i++)
            {
                var key = $"key/{chance.Next(0, 60)}";
                var outcome = chance.Next(0, 5) == 0 ? await client.DeleteAsync("default", key) : await client.PutAsync("default", key, $"{writer}/{i}");
                Interlocked.Increment(ref written);
                if (outcome is Unknown)
                {
                    Interlocked.Increment(ref doubtful);
                }
            }
        }
    }

    private static async Task ChangeLeaderAsync(MultiDcTestCluster cluster, string shard)
    {
        var before = LeaderOf(await cluster.WaitForReplicasAsync($"{shard} has a leader", all => LeaderOf(all, shard) is not null), shard)!;
        Assert.True(ReplicaAddress.TryParse(before.Replica, out var leader));
        await cluster.WaitForReplicasAsync($"another leads {shard}", all =>
        {
            var now = LeaderOf(all, shard);
            if (now is not null && now.Term == before.Term)
            {
                cluster.Replica(leader).TransferLeadershipAsync(cluster.Silos.Select(static s => s.Datacenter).First(d => d != leader.Datacenter)).Ignore();
            }

            return now is not null && now.Term > before.Term;
        });
    }

    private static ReplicaStatus? LeaderOf(IReadOnlyList<ReplicaStatus> all, string shard) =>
        all.Where(s => s.Replica.StartsWith($"{shard}@", StringComparison.Ordinal) && s is { State: "running", Role: "Leader" }).MaxBy(static s => s.Term);

    /// <summary>Watches everything until it has seen the last key of every shard, and writes down what it was told.</summary>
    private sealed class Watcher(string name, IReadOnlyList<IMultiDcClient> clients, int batchesPerWatch, string[] ends)
    {
        private readonly TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ConcurrentQueue<string>[] told = [.. ends.Select(static _ => new ConcurrentQueue<string>())];
        private readonly HashSet<string> endsSeen = [];
        private WatchToken? first;
        private WatchToken? token;

        public string Name => name;

        public Task Begun => begun.Task;

        public int Resumed { get; private set; }

        public bool HasSeenAll => endsSeen.Count == ends.Length;

        public ulong BegunAt(int shard) => first!.RevisionOf(shard)!.Value.Value;

        public IReadOnlyList<string> ToldOf(int shard) => [.. told[shard]];

        public async Task RunAsync()
        {
            for (var i = 0; !HasSeenAll; i++)
            {
                var left = batchesPerWatch;
                var start = token is null ? WatchStart.Now : WatchStart.After(WatchToken.Parse(token.ToString()));
                await foreach (var batch in clients[i % clients.Count].WatchPrefixAsync("default", "", start))
                {
                    Take(batch);
                    if (--left == 0 || HasSeenAll)
                    {
                        break;
                    }
                }

                Resumed = i;
            }
        }

        private void Take(WatchBatch batch)
        {
            first ??= batch.Token;
            token = batch.Token;
            begun.TrySetResult();
            foreach (var change in batch.Events)
            {
                told[batch.Shard.Number].Enqueue($"{batch.Revision}: {LogTwin.Describe(change)}");
                if (ends.Contains(change.KeyText()))
                {
                    endsSeen.Add(change.KeyText());
                }
            }
        }
    }
}
