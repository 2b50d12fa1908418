using System.Text;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Storage;
using MultiDc.Testing.Cluster;
using Xunit.Abstractions;
using static MultiDc.Testing.Cluster.MultiDcTestCluster;

namespace MultiDc.Server.Tests.Cluster;

[Collection(ClusterTests.Name)]
public sealed class CutOffLeaderTests(SharedCluster shared, ITestOutputHelper output)
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(300);

    [Fact]
    public async Task A_cut_off_leader_serves_no_read_after_a_newer_value_is_committed()
    {
        var cluster = shared.Cluster;
        const string Key = "read from a cut-off leader";
        var key = Encoding.UTF8.GetBytes(Key);
        var shard = RingSnapshot.ShardOf((await cluster.Client.GetRingAsync())!.Keyspaces.Single(static k => k.Name == "default"), key);
        Assert.IsType<Applied>(await cluster.Client.PutAsync("default", Key, "old"));
        var leader = await LeaderOfAsync(cluster, shard);
        var cutOff = cluster.Replica(leader);
        Assert.Equal("old", Assert.IsType<ReadServed>(await cutOff.ReadAsync(new(key, MultiDcTestCluster.Patience))).Entry!.ValueText());

        var committed = 0;
        using var done = new CancellationTokenSource();
        foreach (var other in cluster.Options.Datacenters.Select(static d => new DatacenterId(d)).Where(d => d != leader.Datacenter))
        {
            cluster.Raft.Cut(leader.Datacenter, other);
        }

        try
        {
            var (served, rejected, servedAfter) = (0, 0, 0);
            var reading = Task.Run(async () =>
            {
                while (!done.IsCancellationRequested)
                {
                    var newerIsCommitted = Volatile.Read(ref committed) == 1;
                    if (await cutOff.ReadAsync(new(key, Short)) is ReadRejected)
                    {
                        rejected++;
                    }
                    else if (newerIsCommitted)
                    {
                        servedAfter++;
                    }
                    else
                    {
                        served++;
                    }
                }
            });
            var client = cluster.Clients.First(c => c.Key != leader.Datacenter).Value;
            Assert.IsType<Applied>(await client.PutAsync("default", Key, "new", MultiDcTestCluster.Patience));
            Volatile.Write(ref committed, 1);
            for (var i = 0; i < 10; i++)
            {
                Assert.Equal("new", Assert.IsType<ReadServed>(await client.GetAsync("default", Key, MultiDcTestCluster.Patience)).Entry!.ValueText());
                Assert.IsType<ReadRejected>(await cutOff.ReadAsync(new(key, Short)));
            }

            await done.CancelAsync();
            await reading;
            output.WriteLine($"{leader} cut off: {rejected} reads rejected, {served} served before the new value was acknowledged, {servedAfter} after; {cluster.Raft.Dropped} messages lost");
            Assert.Equal(0, servedAfter);
            Assert.True(rejected > 0);
        }
        finally
        {
            await done.CancelAsync();
            cluster.Raft.Heal();
        }

        var healed = await cluster.WaitForReplicasAsync(
            "the old leader follows and has caught up",
            all => all.Where(s => s.Replica.StartsWith($"{shard}@", StringComparison.Ordinal)) is var group
                && group.All(s => s.Leader is not null && s.AppliedIndex == group.Max(static o => o.AppliedIndex)) && group.Select(static s => s.Leader).Distinct().Count() == 1);
        output.WriteLine(Describe(healed.Single(s => s.Replica == leader.ToString())));
        await cluster.WaitUntilAllRunAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_first_of_two_activations_over_one_store_is_fenced_and_answers_nothing(bool isAskedToWrite)
    {
        await using var cluster = await StartAsync(new() { Stores = TestStores.PerDatacenter, SilosPerDatacenter = 1, ShardCount = 1 });
        await cluster.WaitUntilAllRunAsync();
        Assert.IsType<Applied>(await cluster.Client.PutAsync("default", "key", "old"));
        var leader = await LeaderOfAsync(cluster, new("default", 0));
        var before = await cluster.Replica(leader).GetStatusAsync();
        var session = (await cluster.Replica(leader).OpenSessionAsync(new(MultiDcTestCluster.Patience))).Session!.Value;

        // The second activation, which a silo that believes the first one dead would make.
        await using var second = new MemoryReplicaStore(cluster.Silos.Single(s => s.Datacenter == leader.Datacenter).Disk);
        await using var opening = await second.OpenAsync(new(leader.ToString()), null);
        Assert.True(opening!.Epoch.Value > before.Epoch);

        // Its followers have not heard of the second opening and would confirm its leadership. The activation that follows it cannot lead
        // within this time, so an answer could come only from the fenced one.
        var mayHaveHappened = false;
        if (isAskedToWrite)
        {
            var write = await cluster.Replica(leader).WriteAsync(new(session, new(1), new PutOperation(Encoding.UTF8.GetBytes("key"), Encoding.UTF8.GetBytes("zombie")), Short));
            output.WriteLine(write.ToString());
            Assert.IsNotType<Applied>(write);
            mayHaveHappened = write is Unknown;
        }
        else
        {
            var read = await cluster.Replica(leader).ReadAsync(new(Encoding.UTF8.GetBytes("key"), Short));
            output.WriteLine(read.ToString());
            Assert.IsType<ReadRejected>(read);
        }

        // The grain then opens the replica a third time, by which the second opening is fenced in turn.
        var after = await cluster.WaitAsync("the replica runs in a newer epoch", () => cluster.Replica(leader).GetStatusAsync(), s => s.State == "running" && s.Epoch > opening.Epoch.Value, Describe);
        output.WriteLine(Describe(after));
        await Assert.ThrowsAsync<FencedException>(async () => await opening.ConfirmEpochAsync());

        // A leader appends while it writes, so before its store refused the write its followers may have taken it; then a later leader may commit it. It was
        // answered as Unknown then; what becomes of it is settled by now, for good.
        var value = Assert.IsType<ReadServed>(await cluster.Client.GetAsync("default", "key", MultiDcTestCluster.Patience)).Entry!.ValueText();
        Assert.Contains(value, mayHaveHappened ? new[] { "old", "zombie" } : ["old"]);
        foreach (var _ in Enumerable.Range(0, 3))
        {
            Assert.Equal(value, Assert.IsType<ReadServed>(await cluster.Client.GetAsync("default", "key", MultiDcTestCluster.Patience)).Entry!.ValueText());
        }

        Assert.Contains(cluster.Log.Lines, line => line.Contains($"Replica {leader} stopped: Fenced"));
    }

    private static async Task<ReplicaAddress> LeaderOfAsync(MultiDcTestCluster cluster, ShardId shard)
    {
        var all = await cluster.WaitForReplicasAsync($"shard {shard} has a leader", all => all.Any(s => s.Replica.StartsWith($"{shard}@", StringComparison.Ordinal) && s.Role == "Leader"));
        Assert.True(ReplicaAddress.TryParse(all.First(s => s.Replica.StartsWith($"{shard}@", StringComparison.Ordinal) && s.Role == "Leader").Replica, out var leader));
        return leader;
    }
}
