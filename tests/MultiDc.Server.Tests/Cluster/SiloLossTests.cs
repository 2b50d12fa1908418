using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Testing.Cluster;
using Xunit.Abstractions;
using static MultiDc.Testing.Cluster.MultiDcTestCluster;

namespace MultiDc.Server.Tests.Cluster;

[Collection(ClusterTests.Name)]
public sealed class SiloLossTests(ITestOutputHelper output)
{
    [Fact]
    public async Task With_a_store_shared_in_the_datacenter_a_dead_silos_replicas_come_back_on_the_other_with_their_data()
    {
        await using var cluster = await StartAsync(new() { Stores = TestStores.PerDatacenter });
        var before = await cluster.WaitUntilAllRunAsync();
        var writes = new AcknowledgedWrites();
        await writes.WriteAsync(cluster.Client, 50);
        await cluster.WaitForRingAsync("six members", static ring => ring.Members.Length == 6);

        var dead = cluster.Silo("dc1/silo-1");
        var moving = before.Where(s => s.Silo == dead.Name).ToDictionary(static s => s.Replica);
        output.WriteLine($"{dead.Name} dies with {string.Join(", ", moving.Values.Select(Describe))}");
        Assert.NotEmpty(moving);
        await dead.CrashAsync();
        await writes.WriteAsync(cluster.Clients[new("dc2")], 50);

        await cluster.WaitForRingAsync("the dead silo has left the ring", ring => ring.Members.Length == 5 && ring.Members.All(m => m.Silo != dead.Name));
        var after = await cluster.WaitForReplicasAsync(
            "the dead silo's replicas run on the other silo and have caught up",
            all => all.All(s => s is { State: "running", Leader: not null } && s.AppliedIndex == all.Where(o => SameShard(o, s)).Max(static o => o.AppliedIndex))
                && all.Where(s => moving.ContainsKey(s.Replica)).All(static s => s.Silo == "dc1/silo-2"));
        Assert.All(after.Where(s => moving.ContainsKey(s.Replica)), s =>
        {
            output.WriteLine(Describe(s));
            Assert.True(s.Epoch > moving[s.Replica].Epoch);
            Assert.True(s.AppliedIndex >= moving[s.Replica].AppliedIndex);
        });
        await writes.RequireAllAsync(cluster.Client);

        await dead.StartAsync();
        var ring = await cluster.WaitForRingAsync("the silo is in the ring again", static ring => ring.Members.Length == 6);
        output.WriteLine($"ring version {ring.Version.Value}: {string.Join(", ", ring.Members.Select(static m => m.Silo))}");
        await writes.WriteAsync(cluster.Clients[new("dc3")], 50);
        await cluster.WaitUntilAllRunAsync();
        await writes.RequireAllAsync(cluster.Client);
        await RequireQuietAsync(cluster);
        output.WriteLine($"{writes.Count} acknowledged writes are all there");
    }

    [Fact]
    public async Task With_a_store_in_each_silo_a_dead_silos_replicas_are_refused_elsewhere_and_run_again_when_it_returns()
    {
        await using var cluster = await StartAsync();
        var before = await cluster.WaitUntilAllRunAsync();
        var writes = new AcknowledgedWrites();
        await writes.WriteAsync(cluster.Client, 50);

        var dead = cluster.Silo("dc1/silo-1");
        var lost = before.Where(s => s.Silo == dead.Name).Select(static s => s.Replica).ToHashSet();
        output.WriteLine($"{dead.Name} dies with {string.Join(", ", lost)}");
        Assert.NotEmpty(lost);
        await dead.CrashAsync();
        await writes.WriteAsync(cluster.Clients[new("dc2")], 50);

        var during = await cluster.WaitForReplicasAsync(
            "the dead silo's replicas are refused on the other silo, the groups go on",
            all => all.All(s => lost.Contains(s.Replica) ? s.State == "refused" : s is { State: "running", Leader: not null }));
        Assert.All(during.Where(s => lost.Contains(s.Replica)), s =>
        {
            output.WriteLine(Describe(s));
            Assert.Equal("dc1/silo-2", s.Silo);
            Assert.Contains($"the home of replica {s.Replica} is {(s.Replica.StartsWith("multidc.ring", StringComparison.Ordinal) ? "another store" : $"store {dead.Disk.Identity.StoreId}")}", s.Detail);
        });
        await writes.RequireAllAsync(cluster.Client);

        await dead.StartAsync();
        await writes.WriteAsync(cluster.Clients[new("dc3")], 50);
        var after = await cluster.WaitForReplicasAsync(
            "the replicas run on their home again and have caught up",
            all => all.All(s => s is { State: "running", Leader: not null } && s.AppliedIndex == all.Where(o => SameShard(o, s)).Max(static o => o.AppliedIndex)));
        Assert.All(after.Where(s => lost.Contains(s.Replica)), s => Assert.Equal(dead.Name, s.Silo));
        await writes.RequireAllAsync(cluster.Client);
        await RequireQuietAsync(cluster);
        output.WriteLine($"{writes.Count} acknowledged writes are all there");
    }

    [Fact]
    public async Task A_home_that_consistent_hashing_would_not_choose_stays_the_home_although_the_other_silo_tried_to_take_its_place()
    {
        await using var cluster = await StartAsync(new() { InitiallyDown = ["dc1/silo-1"] });
        var founded = await cluster.WaitUntilAllRunAsync();
        var home = cluster.Silo("dc1/silo-2");
        var homed = founded.Where(s => s.Silo == home.Name).Select(static s => s.Replica).ToHashSet();
        Assert.Equal(9, homed.Count);

        await cluster.Silo("dc1/silo-1").StartAsync();
        var ring = await cluster.WaitForRingAsync("six members", static ring => ring.Members.Length == 6);
        Assert.Contains(cluster.DefaultReplicas, r => homed.Contains(r.ToString()) && ring.SiloOf(r) == "dc1/silo-1");
        await home.CrashAsync();
        await cluster.WaitForReplicasAsync(
            "the home's replicas are refused on the other silo",
            all => all.All(s => !homed.Contains(s.Replica) || s is { State: "refused", Silo: "dc1/silo-1" }));

        await home.StartAsync();
        await cluster.WaitForReplicasAsync(
            "the home has its replicas again", all => all.All(s => s is { State: "running", Leader: not null } && (!homed.Contains(s.Replica) || s.Silo == home.Name)));
        await RequireQuietAsync(cluster);
    }

    [Fact]
    public async Task A_silo_that_comes_back_with_an_empty_disk_does_not_vote_again_under_its_old_identity()
    {
        await using var cluster = await StartAsync(new() { SilosPerDatacenter = 1, ShardCount = 4, ReplaceLostStores = false });
        await cluster.WaitUntilAllRunAsync();
        var writes = new AcknowledgedWrites();
        await writes.WriteAsync(cluster.Client, 30);

        var forgetful = cluster.Silo("dc2/silo-1");
        var oldStore = forgetful.Disk.Identity.StoreId;
        await forgetful.CrashAsync();
        forgetful.Disk = NewDisk();
        await forgetful.StartAsync();

        var statuses = await cluster.WaitForReplicasAsync(
            "its replicas are refused, the others lead",
            static all => all.All(static s => s.Replica.EndsWith("@dc2", StringComparison.Ordinal) ? s.State == "refused" : s is { State: "running", Leader: not null }));
        Assert.All(statuses.Where(static s => s.Replica.EndsWith("@dc2", StringComparison.Ordinal)), s =>
        {
            output.WriteLine(Describe(s));
            Assert.Contains($"is store {oldStore}, this is store {forgetful.Disk.Identity.StoreId}", s.Detail);
            Assert.Equal(0UL, s.Term);
        });
        await writes.WriteAsync(cluster.Clients[new("dc2")], 30);
        await writes.RequireAllAsync(cluster.Client);

        // If the forgetful replica voted, it could make a majority of two with either of the others. It does not: with one of them cut off,
        // nobody leads.
        foreach (var other in new[] { "dc2", "dc3" })
        {
            cluster.Raft.Cut(new("dc1"), new(other));
        }

        var alone = await cluster.WaitForReplicasAsync("no replica leads", static all => all.All(static s => s.Role != "Leader"));
        Assert.All(alone.Where(static s => s.Replica.EndsWith("@dc2", StringComparison.Ordinal)), static s => Assert.Equal("refused", s.State));
        Assert.False(await cluster.Client.PutAsync("default", "one of three", "value", TimeSpan.FromSeconds(4)) is Applied);
        cluster.Raft.Heal();
        await writes.WriteAsync(cluster.Client, 30);
        await writes.RequireAllAsync(cluster.Client);
    }

    private static bool SameShard(ReplicaStatus one, ReplicaStatus other) => one.Replica[..one.Replica.IndexOf('@')] == other.Replica[..other.Replica.IndexOf('@')];

    // Activations that fence each other in turn raise epochs for ever; ten rounds of the ring without a new epoch say that they do not.
    private async Task RequireQuietAsync(MultiDcTestCluster cluster)
    {
        var last = "";
        var same = 0;
        await cluster.WaitAsync(
            "ten looks in a row with the same silos and epochs",
            async () =>
            {
                var all = await cluster.Client.GetStatusAsync();
                var now = string.Join(" ", all.Select(static s => $"{s.Replica}:{s.Silo}:{s.Epoch}"));
                same = now == last ? same + 1 : 0;
                last = now;
                return same;
            },
            static same => same >= 10,
            _ => last);
        output.WriteLine(last);
        foreach (var line in cluster.Log.Lines.Where(static l => l.Contains(" stopped after ", StringComparison.Ordinal)))
        {
            output.WriteLine(line);
        }
    }
}
