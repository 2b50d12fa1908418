using System.Diagnostics;
using System.Text;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Testing.Cluster;
using Xunit.Abstractions;

namespace MultiDc.Server.Tests.Cluster;

[Collection(ClusterTests.Name)]
public sealed class StaleReadTests(SharedCluster shared, ITestOutputHelper output)
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(300);

    [Fact]
    public async Task Each_datacenters_own_replica_serves_what_was_acknowledged_as_long_ago_as_the_bound()
    {
        var cluster = shared.Cluster;
        var served = new HashSet<DatacenterId>();
        for (var i = 0; i < 30; i++)
        {
            Assert.IsType<Applied>(await cluster.Client.PutAsync("default", "stale/all", $"{i}"));
            var acknowledged = Stopwatch.GetTimestamp();
            foreach (var (datacenter, client) in cluster.Clients)
            {
                // Whatever is read with this bound includes the write. At first it is so short that replicas must ask again every time, and some may
                // fail to prove it; later they have time.
                await Task.Delay(TimeSpan.FromMilliseconds(5 * (i + 1)));
                var bound = Stopwatch.GetElapsedTime(acknowledged);
                if (await client.GetAsync("default", "stale/all", ReadLevel.BoundedStaleness(bound), TimeSpan.FromSeconds(2)) is not ReadServed read)
                {
                    output.WriteLine($"{datacenter}: not within {bound}");
                    continue;
                }

                Assert.True(read.Staleness <= bound, $"{read.Staleness} where {bound} was asked for");
                Assert.Equal($"{i}", read.Entry!.ValueText());
                if (read.Datacenter == datacenter)
                {
                    served.Add(datacenter);
                }
            }
        }

        Assert.Equal(cluster.Options.Datacenters.Order(), served.Select(static d => d.Value).Order());
    }

    [Fact]
    public async Task A_follower_that_is_cut_off_serves_what_it_has_and_tells_no_age_that_is_not_true()
    {
        var cluster = shared.Cluster;
        const string Key = "stale/cut off";
        var key = Encoding.UTF8.GetBytes(Key);
        var shard = RingSnapshot.ShardOf((await cluster.Client.GetRingAsync())!.Keyspaces.Single(static k => k.Name == "default"), key);
        Assert.IsType<Applied>(await cluster.Client.PutAsync("default", Key, "old"));
        var all = await cluster.WaitForReplicasAsync($"shard {shard} has a leader", all => all.Any(s => s.Replica.StartsWith($"{shard}@", StringComparison.Ordinal) && s.Role == "Leader"));
        var follower = cluster.Options.Datacenters.Select(name => new ReplicaAddress(shard, new(name))).First(r => all.Single(s => s.Replica == r.ToString()).Role != "Leader");
        var cutOff = cluster.Replica(follower);

        // Another test may have had the replica prove how old its state was just before the write.
        await cluster.WaitAsync(
            "the follower has the old value", () => cutOff.ReadStaleAsync(new(key, null, MultiDcTestCluster.Patience)),
            static result => result is ReadServed { Entry: { } entry } && entry.ValueText() == "old", static result => result.ToString());

        foreach (var other in cluster.Options.Datacenters.Select(static d => new DatacenterId(d)).Where(d => d != follower.Datacenter))
        {
            cluster.Raft.Cut(follower.Datacenter, other);
        }

        try
        {
            var client = cluster.Clients.First(c => c.Key != follower.Datacenter).Value;
            Assert.IsType<Applied>(await client.PutAsync("default", Key, "new", MultiDcTestCluster.Patience));
            var acknowledged = Stopwatch.GetTimestamp();
            for (var i = 0; i < 5; i++)
            {
                var since = Stopwatch.GetElapsedTime(acknowledged);
                var local = Assert.IsType<ReadServed>(await cutOff.ReadStaleAsync(new(key, null, Short)));
                Assert.Equal("old", local.Entry!.ValueText());
                Assert.True(local.Staleness >= since, $"{local.Staleness} after {since}");

                // Not the leader's fault if the replica has no time at all.
                Assert.Equal(RejectionReason.Unavailable, Assert.IsType<ReadRejected>(await cutOff.ReadStaleAsync(new(key, null, TimeSpan.Zero))).Reason);
                var bounded = Assert.IsType<ReadServed>(await cutOff.ReadStaleAsync(new(key, Hour, Short)));
                Assert.Equal("old", bounded.Entry!.ValueText());
                Assert.True(bounded.Staleness >= since, $"{bounded.Staleness} after {since}");

                var refused = Assert.IsType<ReadRejected>(await cutOff.ReadStaleAsync(new(key, TimeSpan.FromMilliseconds(1), Short)));
                Assert.Equal(RejectionReason.TooStale, refused.Reason);
                output.WriteLine($"{follower}: {local.Staleness} old; {refused.Detail}");
            }
        }
        finally
        {
            cluster.Raft.Heal();
        }

        var after = await cluster.WaitAsync(
            "the follower has caught up", () => cutOff.ReadStaleAsync(new(key, TimeSpan.FromSeconds(1), Short)), static result => result is ReadServed, static result => result.ToString());
        Assert.Equal("new", Assert.IsType<ReadServed>(after).Entry!.ValueText());
        await cluster.WaitUntilAllRunAsync();
    }
}
