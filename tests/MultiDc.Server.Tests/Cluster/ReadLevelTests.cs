using System.Diagnostics;
using System.Text;
using MultiDc.Client;
using MultiDc.Ring;
using MultiDc.Testing.Cluster;
using Xunit.Abstractions;

namespace MultiDc.Server.Tests.Cluster;

/// <summary>
/// A follower hears nothing any more, a newer value is written elsewhere, and its own datacenter reads at every level. Then the same where each guarantee is broken by
/// its switch, which must be seen.
/// </summary>
[Collection(ClusterTests.Name)]
public sealed class ReadLevelTests(SharedCluster shared, ITestOutputHelper output)
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(500);

    [Fact]
    public async Task Every_level_keeps_what_it_promises_in_the_datacenter_of_a_follower_that_hears_nothing()
    {
        for (var round = 0; round < 2; round++)
        {
            Assert.Empty(await BrokenLevelsAsync(shared.Cluster, $"levels/{round}"));
        }
    }

    [Fact]
    public async Task A_follower_that_hears_again_serves_sessions_and_linearizable_reads_itself()
    {
        var cluster = shared.Cluster;
        var (_, follower, client) = await FollowerOfAsync(cluster, "levels/served");
        var served = new List<ReadServed>();
        for (var i = 0; i < 20; i++)
        {
            var session = new ReadSession();
            Assert.IsType<Applied>(await cluster.Clients.First(c => c.Key != follower.Datacenter).Value.InSession(session).PutAsync("default", "levels/served", $"{i}", MultiDcTestCluster.Patience));

            // Elsewhere, from the token's text: what was written is read at once.
            var elsewhere = new ReadSession(SessionToken.Parse(session.Token.ToString()));
            foreach (var level in new[] { ReadLevel.Session(elsewhere), ReadLevel.LinearizableFollower })
            {
                var read = Assert.IsType<ReadServed>(await client.GetAsync("default", "levels/served", level, MultiDcTestCluster.Patience));
                Assert.Equal($"{i}", read.Entry!.ValueText());
                Assert.Equal(level.Kind, read.Level);
                Assert.Equal(level.Kind == ReadLevelKind.Linearizable ? TimeSpan.Zero : read.Staleness, read.Staleness);
                served.Add(read);
            }

            Assert.Equal(served[^2].Revision, elsewhere.Token.Seen.Values.Single());
        }

        output.WriteLine(string.Join(", ", served.CountBy(static read => (read.Datacenter, read.Level))));
        Assert.All([ReadLevelKind.Session, ReadLevelKind.Linearizable], level => Assert.Contains(served, read => read.Level == level && read.Datacenter == follower.Datacenter));
    }

    [Fact]
    public async Task A_token_from_elsewhere_that_is_ahead_of_the_shard_is_refused()
    {
        var session = new ReadSession(SessionToken.Of([.. Enumerable.Range(0, 16).Select(static i => KeyValuePair.Create(new ShardId("default", i), new Revision(1_000_000_000)))]));
        var rejected = Assert.IsType<ReadRejected>(await shared.Cluster.Client.GetAsync("default", "levels/ahead", ReadLevel.Session(session), MultiDcTestCluster.Patience));
        Assert.Equal(RejectionReason.InvalidArgument, rejected.Reason);
    }

    [Fact]
    public async Task Where_a_guarantee_is_broken_by_its_switch_that_is_seen()
    {
        await using var cluster = await MultiDcTestCluster.StartAsync(new()
        {
            SilosPerDatacenter = 1,
            ShardCount = 1,
            ConfigureSiloOptions = static options =>
            {
                options.UnsafeReadsWithoutReadIndex = true;
                options.UnsafeFollowerReadsWithoutReadIndex = true;
                options.UnsafeReadsOfAnyAge = true;
            },
            ConfigureClient = static options => options.Router.UnsafeReadsWithoutSession = true,
        });
        await cluster.WaitUntilAllRunAsync();
        Assert.Equal(["bounded", "follower", "linearizable", "local", "session"], await BrokenLevelsAsync(cluster, "levels/broken"));
    }

    private async Task<string[]> BrokenLevelsAsync(MultiDcTestCluster cluster, string key)
    {
        var bytes = Encoding.UTF8.GetBytes(key);
        var session = new ReadSession();
        var (writer, follower, client) = await FollowerOfAsync(cluster, key);
        var replica = cluster.Replica(follower);
        Assert.IsType<Applied>(await writer.PutAsync("default", key, "old", MultiDcTestCluster.Patience));
        await cluster.WaitAsync(
            "the follower has the old value", () => replica.ReadStaleAsync(new(bytes, null, Short)), static result => result is ReadServed { Entry: { } entry } && entry.ValueText() == "old", static result => result.ToString());
        cluster.Raft.CutAround(follower);
        try
        {
            Assert.IsType<Applied>(await writer.InSession(session).PutAsync("default", key, "new", MultiDcTestCluster.Patience));
            var acknowledged = Stopwatch.GetTimestamp();
            var broken = new SortedSet<string>();
            for (var i = 0; i < 3; i++)
            {
                Note("linearizable", await replica.ReadAsync(new(bytes, Short)));
                Note("follower", await client.GetAsync("default", key, ReadLevel.LinearizableFollower, TimeSpan.FromSeconds(5)));
                Note("session", await client.GetAsync("default", key, ReadLevel.Session(new(session.Token)), TimeSpan.FromSeconds(5)));
                Note("bounded", await client.GetAsync("default", key, ReadLevel.BoundedStaleness(Stopwatch.GetElapsedTime(acknowledged)), Short));
                var since = Stopwatch.GetElapsedTime(acknowledged);
                if (await client.GetAsync("default", key, ReadLevel.Local, Short) is ReadServed local && local.Entry!.ValueText() == "old" && local.Staleness < since)
                {
                    output.WriteLine($"local: {local.Staleness} where it is at least {since}");
                    broken.Add("local");
                }
            }

            return [.. broken];

            void Note(string level, ReadResult result)
            {
                output.WriteLine($"{level}: {result}");
                if (result is ReadServed served && served.Entry?.ValueText() != "new")
                {
                    broken.Add(level);
                }
            }
        }
        finally
        {
            cluster.Raft.Heal();
            await cluster.WaitUntilAllRunAsync();
        }
    }

    private static async Task<(IMultiDcClient Writer, ReplicaAddress Follower, IMultiDcClient AtFollower)> FollowerOfAsync(MultiDcTestCluster cluster, string key)
    {
        var shard = RingSnapshot.ShardOf((await cluster.Client.GetRingAsync())!.Keyspaces.Single(static k => k.Name == "default"), Encoding.UTF8.GetBytes(key));
        Assert.IsType<Applied>(await cluster.Client.PutAsync("default", key, "first", MultiDcTestCluster.Patience));
        var all = await cluster.WaitForReplicasAsync($"shard {shard} has a leader", all => all.Any(s => s.Replica.StartsWith($"{shard}@", StringComparison.Ordinal) && s.Role == "Leader"));
        var follower = cluster.Options.Datacenters.Select(name => new ReplicaAddress(shard, new(name))).First(r => all.Single(s => s.Replica == r.ToString()).Role != "Leader");
        return (cluster.Clients.First(c => c.Key != follower.Datacenter).Value, follower, cluster.Clients[follower.Datacenter]);
    }
}
