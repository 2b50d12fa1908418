using System.Collections.Concurrent;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Server.Placement;
using MultiDc.Server.Replication;
using MultiDc.Testing.Cluster;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;
using Orleans.Runtime;
using Xunit.Abstractions;
using static MultiDc.Testing.Cluster.MultiDcTestCluster;

namespace MultiDc.Server.Tests.Cluster;

/// <summary>Keyspaces with several replicas in a datacenter, each on a silo of its own.</summary>
[Collection(ClusterTests.Name)]
public sealed class SeveralReplicasTests(ITestOutputHelper output)
{
    private const string Keyspace = "spread";
    private const int Shards = 3;
    private static readonly DatacenterId Dc1 = new("dc1");
    private static readonly DatacenterId Dc2 = new("dc2");

    [Fact]
    public async Task With_2_2_1_a_lost_silo_leaves_its_datacenter_a_replica_that_reads_and_leads_and_a_lost_datacenter_a_majority()
    {
        await using var cluster = await StartAsync(new() { ShardCount = 1 });
        var writes = await CreateAsync(cluster, new(Keyspace, Shards, [Dc1, Dc2, new("dc3")]) { Replicas = [2, 2, 1], Survives = SurvivalGoal.Datacenter, PreferredLeaders = [Dc1] });
        var before = await UntilAllRunAsync(cluster, Shards * 5);
        RequireApart(before);
        await UntilLedFromAsync(cluster, Dc1);

        var dead = cluster.Silo("dc1/silo-1");
        var lost = before.Where(s => s.Silo == dead.Name).Select(static s => s.Replica).ToHashSet();
        Assert.Equal(Shards, lost.Count(static replica => replica.StartsWith(Keyspace, StringComparison.Ordinal)));
        await dead.CrashAsync();
        await writes.WriteAsync(cluster.Clients[Dc1], 20);
        await writes.RequireAllAsync(cluster.Clients[new("dc3")]);
        await UntilLedFromAsync(cluster, Dc1);
        var during = await cluster.WaitForReplicasAsync(
            "the other silo says why it takes none of the lost replicas over",
            all => All(all).Where(s => lost.Contains(s.Replica)).All(static s => s.State == "founding" && s.Detail.Contains("no store has two replicas of a shard", StringComparison.Ordinal)));
        RequireApart(during);
        foreach (var key in writes.Keys)
        {
            var read = await cluster.WaitAsync(
                $"{key} is read in dc1", () => cluster.Clients[Dc1].GetAsync(Keyspace, key, ReadLevel.Local, Patience), static read => read is ReadServed { Entry: not null }, static read => $"{read}");
            Assert.Equal((Dc1, $"value of {key}"), (((ReadServed)read).Datacenter, ((ReadServed)read).Entry!.ValueText()));
        }

        await dead.StartAsync();
        RequireApart(await UntilCaughtUpAsync(cluster, Shards * 5));
        await Task.WhenAll(cluster.Silos.Where(static silo => silo.Datacenter == Dc1).Select(static silo => silo.CrashAsync()));
        await writes.WriteAsync(cluster.Clients[Dc2], 20);
        await writes.RequireAllAsync(cluster.Clients[Dc2]);
        output.WriteLine($"{writes.Count} acknowledged writes are all there");
    }

    [Fact]
    public async Task With_2_2_and_a_witness_a_silo_and_then_a_datacenter_are_lost_and_no_acknowledged_write()
    {
        await using var cluster = await StartAsync(new() { ShardCount = 1, Witnesses = ["dc3"] });
        var writes = await CreateAsync(cluster, new(Keyspace, Shards, [Dc1, Dc2, new("dc3")]) { Replicas = [2, 2, 1], Survives = SurvivalGoal.Datacenter });
        RequireApart(await UntilAllRunAsync(cluster, Shards * 5));
        var silo = cluster.Silo("dc1/silo-2");
        await silo.CrashAsync();
        await writes.WriteAsync(cluster.Clients[Dc1], 20);
        await silo.StartAsync();
        await UntilCaughtUpAsync(cluster, Shards * 5);
        await writes.WriteAsync(cluster.Clients[Dc1], 20);
        await Task.WhenAll(cluster.Silos.Where(static silo => silo.Datacenter == Dc1).Select(static silo => silo.CrashAsync()));
        await writes.WriteAsync(cluster.Clients[Dc2], 20);
        await writes.RequireAllAsync(cluster.Clients[Dc2]);
        output.WriteLine($"{writes.Count} acknowledged writes are all there");
    }

    [Fact]
    public async Task One_datacenter_with_three_silos_outlives_any_of_them_the_rings_home_too()
    {
        var asked = new ConcurrentBag<string>();
        await using var cluster = await StartAsync(new()
        {
            ShardCount = 1,
            Datacenters = ["dc1"],
            SilosPerDatacenter = 3,
            ConfigureSilo = silo => silo.AddIncomingGrainCallFilter(context =>
            {
                if (context.InterfaceMethod.Name == nameof(IReplicaPeerGrain.GetRemainingLeasesAsync))
                {
                    asked.Add(context.TargetId.Key.ToString()!);
                }

                return context.Invoke();
            }),
        });
        var writes = await CreateAsync(cluster, new(Keyspace, Shards, [Dc1]) { Replicas = [3], Survives = SurvivalGoal.Silo });
        var before = await UntilAllRunAsync(cluster, Shards * 3);
        RequireApart(before);
        Assert.IsType<Applied>(await cluster.Client.GrantLeaseAsync(Keyspace, "k", TimeSpan.FromHours(1)));
        var dead = cluster.Silo(before.Single(static s => s.Replica.StartsWith("multidc.ring", StringComparison.Ordinal)).Silo);
        await dead.CrashAsync();
        await writes.WriteAsync(cluster.Client, 20);
        await writes.RequireAllAsync(cluster.Client);

        // Whoever comes new is told the keyspaces, although their register is away, and whoever told them before.
        TestSilo[] others = [.. cluster.Silos.Where(static silo => silo.IsUp)];
        await cluster.WaitAsync(
            "the dead one is known to be dead", () => Task.FromResult(others.Select(static silo => silo.Services.GetRequiredService<ISiloTopology>().SilosOf(Dc1).Count).ToArray()),
            static counts => counts is [2, 2], static counts => $"{string.Join(" and ", counts)} silos");
        var at = await others[0].Services.GetRequiredService<DatacenterSiloChooser>().ChooseAsync(Dc1.Value, static _ => true);
        var teller = others.Single(silo => silo.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress.Equals(at));
        await cluster.WaitAsync("one of the others tells the ring", () => RingOfAsync(teller), static ring => ring is not null, static _ => "no ring");
        await teller.CrashAsync();
        var left = others.Single(static silo => silo.IsUp);
        var ring = await cluster.WaitAsync("the silo that is left tells the ring", () => RingOfAsync(left), static ring => ring is not null, static _ => "no ring");
        Assert.Contains(ring!.Keyspaces, static k => k.Name == Keyspace);
        await dead.StartAsync();
        await teller.StartAsync();
        await UntilCaughtUpAsync(cluster, Shards * 3);
        await writes.RequireAllAsync(cluster.Client);

        // Who comes back asks all of the others how long the lease lives, and one of them is no first one.
        await cluster.WaitAsync(
            "a further replica is asked about the lease", () => Task.FromResult(asked.ToArray()), static asked => asked.Any(static replica => replica.Contains('#', StringComparison.Ordinal)),
            static asked => string.Join(", ", asked));
    }

    [Fact]
    public async Task While_a_datacenter_has_too_few_silos_a_replica_waits_and_says_so_and_no_silo_has_two()
    {
        await using var cluster = await StartAsync(new() { ShardCount = 1, InitiallyDown = ["dc1/silo-2", "dc2/silo-2", "dc3/silo-2"] });
        var writes = await CreateAsync(cluster, new(Keyspace, Shards, [Dc1, Dc2, new("dc3")]) { Replicas = [2, 1, 1] });
        var waiting = await cluster.WaitForReplicasAsync(
            "three of four replicas of each shard run, and the other waits", static all => All(all).Count(static s => s is { State: "running", Leader: not null }) == Shards * 3
                && All(all).Count(static s => s.Detail.Contains("datacenter dc1 has too few silos", StringComparison.Ordinal)) == Shards);
        output.WriteLine(string.Join("\n", waiting.Select(Describe)));
        RequireApart(waiting);
        await writes.WriteAsync(cluster.Client, 10);

        await cluster.Silo("dc1/silo-2").StartAsync();
        RequireApart(await UntilCaughtUpAsync(cluster, Shards * 4));
        await cluster.Silo("dc1/silo-1").CrashAsync();
        await writes.WriteAsync(cluster.Clients[Dc2], 10);
        await writes.RequireAllAsync(cluster.Clients[Dc2]);
    }

    [Fact]
    public async Task A_wiped_silo_is_refilled_with_the_replica_that_it_had_and_not_with_the_other_silos()
    {
        await using var cluster = await StartAsync(new() { ShardCount = 1 });
        var writes = await CreateAsync(cluster, new(Keyspace, Shards, [Dc1, Dc2, new("dc3")]) { Replicas = [2, 2, 1] });
        var before = await UntilAllRunAsync(cluster, Shards * 5);
        var silo = cluster.Silo("dc1/silo-1");
        await cluster.WaitAsync(
            "the silo's store is registered", () => Task.FromResult(cluster.Log.Lines.Any(line => line.Contains($"Store {silo.Disk.Identity.StoreId} is registered", StringComparison.Ordinal))),
            static said => said, static _ => "it is not");
        await silo.CrashAsync();
        silo.Disk = NewDisk();
        await silo.StartAsync();
        await writes.WriteAsync(cluster.Clients[Dc2], 20);
        var after = await UntilCaughtUpAsync(cluster, Shards * 5);
        RequireApart(after);
        Assert.Equal(Placed(before), Placed(after));
        await cluster.WaitAsync(
            "all replacements have their votes",
            () => Task.FromResult(cluster.Log.Lines.Count(line => line.Contains($"Replica {Keyspace}/", StringComparison.Ordinal) && line.Contains($"has its vote on store {silo.Disk.Identity.StoreId}", StringComparison.Ordinal))),
            static count => count == Shards, static count => $"{count} have");

        // These count, and so does what they have: without dc2 it takes both of dc1 and dc3.
        await Task.WhenAll(cluster.Silos.Where(static silo => silo.Datacenter == Dc2).Select(static silo => silo.CrashAsync()));
        await writes.WriteAsync(cluster.Clients[Dc1], 20);
        await writes.RequireAllAsync(cluster.Clients[Dc1]);

        static IEnumerable<string> Placed(IReadOnlyList<ReplicaStatus> all) => All(all).Select(static s => $"{s.Replica} on {s.Silo}").Order();
    }

    [Fact]
    public async Task Silos_that_share_a_store_have_one_replica_among_them()
    {
        await using var cluster = await StartAsync(new() { ShardCount = 1, Stores = TestStores.PerDatacenter });
        await CreateAsync(cluster, new(Keyspace, 1, [Dc1, Dc2, new("dc3")]) { Replicas = [2, 1, 1] });
        var all = await cluster.WaitForReplicasAsync(
            "three replicas run and one never does", static all => All(all).Count(static s => s is { State: "running", Leader: not null }) == 3
                && All(all).Count(static s => s.State == "founding" && s.Detail.Contains("or they share a store", StringComparison.Ordinal)) == 1);
        output.WriteLine(string.Join("\n", all.Select(Describe)));
    }

    private static async Task<AcknowledgedWrites> CreateAsync(MultiDcTestCluster cluster, KeyspaceDescriptor keyspace)
    {
        await cluster.WaitUntilAllRunAsync();
        Assert.IsType<Applied>(await cluster.Client.CreateKeyspaceAsync(keyspace));
        foreach (var client in cluster.Clients.Values)
        {
            await cluster.WaitAsync("the keyspace is known", () => client.ListKeyspacesAsync(), all => all?.Any(k => k.Name == keyspace.Name) == true, static all => $"{all?.Count} keyspaces");
        }

        var writes = new AcknowledgedWrites(keyspace.Name);
        await writes.WriteAsync(cluster.Client, 20);
        return writes;
    }

    private static async Task<RingSnapshot?> RingOfAsync(TestSilo silo)
    {
        try
        {
            return await silo.Services.GetRequiredService<IGrainFactory>().GetGrain<IRingGrain>(silo.Datacenter.Value).GetSnapshotAsync(default).WaitAsync(TimeSpan.FromSeconds(2));
        }
        catch (Exception)
        {
            // The dead silo is not missed yet.
            return null;
        }
    }

    private static IEnumerable<ReplicaStatus> All(IReadOnlyList<ReplicaStatus> all) => all.Where(static s => s.Replica.StartsWith($"{Keyspace}/", StringComparison.Ordinal));

    private static Task<IReadOnlyList<ReplicaStatus>> UntilAllRunAsync(MultiDcTestCluster cluster, int replicas) => cluster.WaitForReplicasAsync(
        "all replicas run and have a leader", all => All(all).Count() == replicas && all.All(static s => s is { State: "running", Leader: not null }));

    private static Task<IReadOnlyList<ReplicaStatus>> UntilCaughtUpAsync(MultiDcTestCluster cluster, int replicas) => cluster.WaitForReplicasAsync(
        "all replicas run and have caught up", all => All(all).Count() == replicas
            && all.All(s => s is { State: "running", Leader: not null } && s.AppliedIndex == all.Where(o => ShardOf(o) == ShardOf(s)).Max(static o => o.AppliedIndex)));

    private static Task<IReadOnlyList<ReplicaStatus>> UntilLedFromAsync(MultiDcTestCluster cluster, DatacenterId datacenter) => cluster.WaitForReplicasAsync(
        $"all shards are led from {datacenter}", all => All(all).Count(s => s.Role == "Leader" && s.Leader == datacenter && Address(s).Datacenter == datacenter) == Shards
            && All(all).Where(static s => s.Role == "Leader").All(static s => s.LeaderPlace == Address(s).Place));

    private static void RequireApart(IReadOnlyList<ReplicaStatus> all) => Assert.All(
        All(all).Where(static s => s.State == "running").GroupBy(static s => (ShardOf(s), s.Silo)), static together => Assert.Single(together));

    private static string ShardOf(ReplicaStatus status) => status.Replica[..status.Replica.IndexOf('@')];

    private static ReplicaAddress Address(ReplicaStatus status) => ReplicaAddress.TryParse(status.Replica, out var address) ? address : throw new ArgumentException(status.Replica);
}
