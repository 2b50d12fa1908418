using MultiDc.Grains;
using MultiDc.Testing.Cluster;
using Xunit.Abstractions;
using static MultiDc.Testing.Cluster.MultiDcTestCluster;

namespace MultiDc.Server.Tests.Cluster;

/// <summary>A silo comes back under its old name with an empty data folder: its replicas are replaced, refilled, and count again.</summary>
[Collection(ClusterTests.Name)]
public sealed class WipedStoreTests(ITestOutputHelper output)
{
    private static readonly MultiDcTestClusterOptions ThreeSilos = new() { SilosPerDatacenter = 1, ShardCount = 2 };

    [Fact]
    public async Task A_wiped_store_is_refilled_and_then_another_datacenter_may_be_lost()
    {
        await using var cluster = await StartAsync(ThreeSilos);
        var writes = await BeginAsync(cluster, new("dc2"));
        var silo = cluster.Silo("dc2/silo-1");
        await silo.CrashAsync();
        silo.Disk = NewDisk();
        await silo.StartAsync();
        await writes.WriteAsync(cluster.Client, 20);
        await CaughtUpAsync(cluster);

        // All that was acknowledged must be in the refilled store, and its vote count: one of the two that had everything is gone.
        await cluster.Silo("dc1/silo-1").CrashAsync();
        await writes.WriteAsync(cluster.Clients[new("dc3")], 20);
        await writes.RequireAllAsync(cluster.Clients[new("dc3")]);
        await writes.RequireAllAsync(cluster.Clients[new("dc2")]);
    }

    [Fact]
    public async Task The_replaced_store_is_refused_when_it_comes_back_and_the_one_that_took_its_place_is_not()
    {
        await using var cluster = await StartAsync(ThreeSilos);
        var writes = await BeginAsync(cluster, new("dc2"));
        var silo = cluster.Silo("dc2/silo-1");
        await silo.CrashAsync();
        var old = silo.Disk;
        var fresh = silo.Disk = NewDisk();
        await silo.StartAsync();
        await CaughtUpAsync(cluster);
        await writes.WriteAsync(cluster.Client, 20);

        await silo.CrashAsync();
        silo.Disk = old;
        await silo.StartAsync();
        var all = await cluster.WaitForReplicasAsync(
            "the old store's replicas are refused, the others lead",
            static all => all.Count == 9 && all.All(static s => IsIn(s, "dc2") ? s.State == "refused" : s is { State: "running", Leader: not null }));
        Assert.All(all.Where(static s => IsIn(s, "dc2")), s => Assert.Contains($"store {fresh.Identity.StoreId} has taken the place of this one", s.Detail));
        await writes.WriteAsync(cluster.Client, 20);

        await silo.CrashAsync();
        silo.Disk = fresh;
        await silo.StartAsync();
        await CaughtUpAsync(cluster);
        await writes.RequireAllAsync(cluster.Clients[new("dc2")]);
    }

    [Fact]
    public async Task A_store_is_wiped_again_while_it_is_refilled_and_after()
    {
        await using var cluster = await StartAsync(ThreeSilos);
        var writes = await BeginAsync(cluster, new("dc1"));
        var silo = cluster.Silo("dc2/silo-1");
        for (var i = 0; i < 3; i++)
        {
            await silo.CrashAsync();
            silo.Disk = NewDisk();
            await silo.StartAsync();
            if (i == 0)
            {
                // Somewhere in between.
                await cluster.WaitForReplicasAsync("one is refilled", static all => all.Any(static s => IsIn(s, "dc2") && s is { State: "running" or "presenting" or "joining" }));
            }
            else
            {
                await CaughtUpAsync(cluster);
            }

            await writes.WriteAsync(cluster.Client, 20);
        }

        await cluster.Silo("dc3/silo-1").CrashAsync();
        await writes.WriteAsync(cluster.Client, 20);
        await writes.RequireAllAsync(cluster.Clients[new("dc2")]);
    }

    [Fact]
    public async Task All_stores_are_wiped_one_after_the_other_and_nothing_is_lost()
    {
        await using var cluster = await StartAsync(ThreeSilos);
        var writes = await BeginAsync(cluster, new("dc1"));
        foreach (var silo in cluster.Silos)
        {
            await silo.CrashAsync();
            silo.Disk = NewDisk();
            await silo.StartAsync();
            await writes.WriteAsync(cluster.Clients.First(client => client.Key != silo.Datacenter).Value, 20);
            await CaughtUpAsync(cluster);
        }

        // Nobody is left who was there when the groups were founded.
        await cluster.Silo("dc1/silo-1").CrashAsync();
        await writes.WriteAsync(cluster.Clients[new("dc3")], 20);
        await writes.RequireAllAsync(cluster.Clients[new("dc2")]);
    }

    [Fact]
    public async Task A_wiped_witness_is_a_witness_again_and_then_a_full_datacenter_may_be_lost()
    {
        await using var cluster = await StartAsync(ThreeSilos with { Witnesses = ["dc3"] });
        var writes = await BeginAsync(cluster, new("dc1"));
        var silo = cluster.Silo("dc3/silo-1");
        await silo.CrashAsync();
        silo.Disk = NewDisk();
        await silo.StartAsync();
        await writes.WriteAsync(cluster.Client, 20);
        Assert.All(await CaughtUpAsync(cluster), static s => Assert.Equal(IsIn(s, "dc3"), s.Role == "Witness"));

        await cluster.Silo("dc1/silo-1").CrashAsync();
        await writes.WriteAsync(cluster.Clients[new("dc2")], 20);
        await writes.RequireAllAsync(cluster.Clients[new("dc3")]);
    }

    [Theory]
    [InlineData("dc2/silo-1", "is registered as that of silo", 4)]
    [InlineData("dc2/silo-1", "default/0@dc2 is founded on store", 2)]
    [InlineData("dc2/silo-1", "the replacement of default/0@dc2", 1)]
    [InlineData("dc2/silo-1", "the replacement of default/0@dc2", 2)]
    [InlineData("dc1/silo-1", "the replacement of default/0@dc2", 1)]
    [InlineData("dc1/silo-1", "the replacement of default/0@dc2", 2)]
    public async Task A_crash_at_any_step_is_resumed(string crashing, string step, int times)
    {
        await using var cluster = await StartAsync(ThreeSilos);
        var writes = await BeginAsync(cluster, new("dc1"));
        var silo = cluster.Silo("dc2/silo-1");
        await silo.CrashAsync();
        silo.Disk = NewDisk();
        await silo.StartAsync();
        await cluster.WaitAsync(
            step,
            () => Task.FromResult(cluster.Log.Lines.Count(line => line.Contains(step, StringComparison.Ordinal))),
            count => count >= times,
            static count => $"seen {count} times");
        await cluster.Silo(crashing).CrashAsync();
        await cluster.Silo(crashing).StartAsync();
        await writes.WriteAsync(cluster.Client, 20);
        await CaughtUpAsync(cluster);

        await cluster.Silo("dc3/silo-1").CrashAsync();
        await writes.WriteAsync(cluster.Client, 20);
        await writes.RequireAllAsync(cluster.Clients[new("dc2")]);
    }

    [Fact]
    public async Task Of_two_silos_only_the_replicas_of_the_wiped_one_are_replaced()
    {
        await using var cluster = await StartAsync(new() { ShardCount = 4 });
        var writes = await BeginAsync(cluster, new("dc1"));
        var before = await cluster.Client.GetStatusAsync();
        var (wiped, other) = (cluster.Silo("dc2/silo-1"), cluster.Silo("dc2/silo-2"));
        var untouched = before.Where(s => s.Silo == other.Name).ToDictionary(static s => s.Replica, static s => s.Epoch);
        Assert.NotEmpty(untouched);
        Assert.Contains(before, s => s.Silo == wiped.Name);

        await wiped.CrashAsync();
        wiped.Disk = NewDisk();
        await wiped.StartAsync();
        await writes.WriteAsync(cluster.Client, 20);
        var after = await CaughtUpAsync(cluster);
        Assert.All(after.Where(s => untouched.ContainsKey(s.Replica)), s => Assert.Equal((other.Name, untouched[s.Replica]), (s.Silo, s.Epoch)));
        await writes.RequireAllAsync(cluster.Clients[new("dc2")]);
    }

    private static async Task<AcknowledgedWrites> BeginAsync(MultiDcTestCluster cluster, DatacenterId leader)
    {
        await cluster.WaitUntilAllRunAsync();
        await cluster.WaitAsync(
            "all stores are registered",
            () => Task.FromResult(cluster.Log.Lines.Count(static line => line.Contains("is registered as that of silo", StringComparison.Ordinal))),
            count => count == cluster.Silos.Count,
            static count => $"{count} are");
        var writes = new AcknowledgedWrites();
        await writes.WriteAsync(cluster.Client, 20);
        foreach (var status in (await cluster.Client.GetStatusAsync()).Where(static s => s.Role == "Leader"))
        {
            await cluster.Grains.GetGrain<IReplicaGrain>(status.Replica).TransferLeadershipAsync(leader);
        }

        return writes;
    }

    private async Task<IReadOnlyList<ReplicaStatus>> CaughtUpAsync(MultiDcTestCluster cluster)
    {
        var all = await cluster.WaitForReplicasAsync(
            "all replicas run, have a leader and have caught up",
            all => all.Count == 3 * (cluster.Options.ShardCount + 1) && all.All(s => s is { State: "running", Leader: not null }
                && s.AppliedIndex == all.Where(o => ShardOf(o) == ShardOf(s)).Max(static o => o.LastIndex)));
        await cluster.WaitAsync(
            "all replacements are settled",
            () => Task.FromResult(cluster.Log.Lines.Where(static line => line.Contains("has its vote on store", StringComparison.Ordinal)).ToArray()),
            lines => all.Where(s => IsReplaced(cluster, s)).All(s => lines.Any(line =>
                line.Contains($"{s.Replica} has", StringComparison.Ordinal) && line.Contains(cluster.Silo(s.Silo).Disk.Identity.StoreId.ToString(), StringComparison.Ordinal))),
            static lines => string.Join("\n", lines));
        foreach (var status in all)
        {
            output.WriteLine(Describe(status));
        }

        return all;
    }

    private static bool IsReplaced(MultiDcTestCluster cluster, ReplicaStatus status)
    {
        var store = cluster.Silo(status.Silo).Disk.Identity.StoreId.ToString();
        return cluster.Log.Lines.Any(line => line.Contains($"the replacement of {status.Replica} by store {store}", StringComparison.Ordinal));
    }

    private static bool IsIn(ReplicaStatus status, string datacenter) => status.Replica.EndsWith($"@{datacenter}", StringComparison.Ordinal);

    private static string ShardOf(ReplicaStatus status) => status.Replica[..status.Replica.IndexOf('@')];
}
