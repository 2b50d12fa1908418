using System.Text;
using MultiDc.Client;
using MultiDc.Ring;
using MultiDc.Testing.Cluster;
using Xunit.Abstractions;

namespace MultiDc.Server.Tests.Cluster;

[Collection(ClusterTests.Name)]
public sealed class WatchTests(SharedCluster shared, WatchTests.SmallCluster small, ITestOutputHelper output) : IClassFixture<WatchTests.SmallCluster>
{
    /// <summary>One shard, little history, and watches that notice soon when a replica is cut off.</summary>
    public sealed class SmallCluster : IAsyncLifetime
    {
        private MultiDcTestCluster? cluster;

        public MultiDcTestCluster Cluster => cluster!;

        public async Task InitializeAsync()
        {
            cluster = await MultiDcTestCluster.StartAsync(new()
            {
                SilosPerDatacenter = 1,
                ShardCount = 1,
                ConfigureSiloOptions = static options => options.WatchHistoryBytesPerReplica = 10_000,
                ConfigureClient = static options => (options.Watch.PollTime, options.Watch.MaxStaleness) = (TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(1)),
            });
            await cluster.WaitUntilAllRunAsync();
        }

        public async Task DisposeAsync() => await Cluster.DisposeAsync();
    }

    private static readonly TimeSpan Patience = MultiDcTestCluster.Patience;

    [Fact]
    public async Task Every_datacenter_is_told_what_one_writes()
    {
        var cluster = shared.Cluster;
        var watches = cluster.Clients.Values.Select(static client => client.WatchPrefixAsync("default", "watched/").GetAsyncEnumerator()).ToArray();
        foreach (var watch in watches)
        {
            Assert.True((await NextAsync(watch)).IsProgress);
        }

        var revisions = new List<Revision>();
        await cluster.Client.PutAsync("default", "watched", "not under the prefix");
        foreach (var value in (string?[])["one", "two", null, "three"])
        {
            var outcome = value is null ? await cluster.Client.DeleteAsync("default", "watched/a") : await cluster.Client.PutAsync("default", "watched/a", value);
            revisions.Add(Assert.IsType<Applied>(outcome).Revision);
        }

        foreach (var watch in watches)
        {
            var told = new List<(string Key, string? Value, ulong? Version, Revision? Previous, Revision Revision)>();
            while (told.Count < 4)
            {
                var batch = await NextAsync(watch);
                told.AddRange(batch.Events.Select(e => (e.KeyText(), e.ValueText(), e.Entry?.Version, e.PreviousRevision, batch.Revision)));
            }

            Assert.Equal(
                [
                    ("watched/a", "one", 1UL, null, revisions[0]), ("watched/a", "two", 2UL, revisions[0], revisions[1]),
                    ("watched/a", null, null, revisions[1], revisions[2]), ("watched/a", "three", 1UL, null, revisions[3]),
                ],
                told);
            await watch.DisposeAsync();
        }
    }

    [Fact]
    public async Task Read_then_watch_leaves_no_gap_and_a_token_resumes_elsewhere()
    {
        var cluster = shared.Cluster;
        const string Key = "read then watched";
        Assert.IsType<Applied>(await cluster.Client.PutAsync("default", Key, "before"));
        var read = Assert.IsType<ReadServed>(await cluster.Client.GetAsync("default", Key));
        Assert.IsType<Applied>(await cluster.Client.PutAsync("default", Key, "1"));
        var token = default(WatchToken);
        for (var i = 1; i <= 6; i++)
        {
            // In each datacenter in turn, from where the one before was.
            var client = cluster.Clients.Values.ElementAt(i % 3);
            await using var watch = client.WatchKeyAsync("default", Key, token is null ? WatchStart.After(read.Revision) : WatchStart.After(WatchToken.Parse(token.ToString()))).GetAsyncEnumerator();
            var batch = await NextAsync(watch);
            while (batch.IsProgress)
            {
                batch = await NextAsync(watch);
            }

            Assert.Equal($"{i}", Assert.Single(batch.Events).ValueText());
            token = batch.Token;
            Assert.IsType<Applied>(await cluster.Client.PutAsync("default", Key, $"{i + 1}"));
        }
    }

    [Fact]
    public async Task A_token_from_before_all_that_is_remembered_is_answered_with_what_is()
    {
        var cluster = small.Cluster;
        var first = Assert.IsType<Applied>(await cluster.Client.PutAsync("default", "k", "v", Patience)).Revision;
        var last = first;
        for (var i = 0; i < 40; i++)
        {
            last = Assert.IsType<Applied>(await cluster.Client.PutAsync("default", "k", new string('x', 1000), Patience)).Revision;
        }

        // A replica that lags forgets later.
        await cluster.WaitForReplicasAsync("all have applied the last write", all => all.Where(static s => s.Replica.StartsWith("default/", StringComparison.Ordinal)).All(s => s.AppliedIndex >= last.Value));
        var end = await Assert.ThrowsAsync<WatchCompactedException>(async () => await NextAsync(cluster.Client.WatchKeyAsync("default", "k", WatchStart.After(first)).GetAsyncEnumerator()));
        output.WriteLine(end.Message);
        Assert.Equal(first, end.Asked);
        Assert.InRange(end.Oldest.Value, first.Value + 1, last.Value);
        await using var fromOldest = cluster.Client.WatchKeyAsync("default", "k", WatchStart.After(end.Oldest)).GetAsyncEnumerator();
        Assert.True((await NextAsync(fromOldest)).Revision.Value > end.Oldest.Value);

        var never = await Assert.ThrowsAsync<MultiDcUnavailableException>(async () => await NextAsync(cluster.Client.WatchKeyAsync("default", "k", WatchStart.After(new Revision(last.Value + 1000))).GetAsyncEnumerator()));
        output.WriteLine(never.Message);
        Assert.Equal(RejectionReason.InvalidArgument, never.Reason);
    }

    [Fact]
    public async Task A_watch_leaves_a_replica_that_is_cut_off_and_goes_on_at_another()
    {
        var cluster = small.Cluster;
        var all = await cluster.WaitForReplicasAsync("a leader", static all => all.Any(static s => s.Replica.StartsWith("default/0@", StringComparison.Ordinal) && s.Role == "Leader"));
        var follower = all.First(static s => s.Replica.StartsWith("default/0@", StringComparison.Ordinal) && s.Role != "Leader");
        Assert.True(ReplicaAddress.TryParse(follower.Replica, out var cutOff));
        await using var watch = cluster.Clients[cutOff.Datacenter].WatchPrefixAsync("default", "").GetAsyncEnumerator();
        Assert.True((await NextAsync(watch)).IsProgress);
        cluster.Raft.CutAround(cutOff);
        Assert.IsType<Applied>(await cluster.Clients.First(c => c.Key != cutOff.Datacenter).Value.PutAsync("default", "k", "beyond the cut", Patience));
        var batch = await NextAsync(watch);
        while (batch.IsProgress)
        {
            batch = await NextAsync(watch);
        }

        Assert.Equal("beyond the cut", Assert.Single(batch.Events).ValueText());
        Assert.True((await cluster.Replica(cutOff).GetStatusAsync()).AppliedIndex < batch.Revision.Value);
        cluster.Raft.Heal();
        await cluster.WaitUntilAllRunAsync();
    }

    private static async Task<WatchBatch> NextAsync(IAsyncEnumerator<WatchBatch> watch)
    {
        Assert.True(await watch.MoveNextAsync().AsTask().WaitAsync(Patience));
        return watch.Current;
    }
}
