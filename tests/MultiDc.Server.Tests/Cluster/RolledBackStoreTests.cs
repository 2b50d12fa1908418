using System.Text;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Testing.Cluster;
using Xunit.Abstractions;
using static MultiDc.Testing.Cluster.MultiDcTestCluster;

namespace MultiDc.Server.Tests.Cluster;

/// <summary>An older copy of a silo's data folder is put back: a backup, a snapshot of the virtual machine.</summary>
[Collection(ClusterTests.Name)]
public sealed class RolledBackStoreTests(ITestOutputHelper output)
{
    private static readonly MultiDcTestClusterOptions ThreeSilos = new() { SilosPerDatacenter = 1, ShardCount = 2 };

    [Theory]
    [InlineData("dc1", false)]
    [InlineData("dc2", false)]
    [InlineData("dc1", true)]
    [InlineData("dc2", true)]
    public async Task A_silo_with_an_older_copy_of_its_disk_is_refused_and_nothing_is_lost(string leader, bool wasOpenedAgain)
    {
        await using var cluster = await StartAsync(ThreeSilos);
        await cluster.WaitUntilAllRunAsync();
        var writes = new AcknowledgedWrites();
        var silo = cluster.Silo("dc2/silo-1");
        await LeadAsync(cluster, new(leader));
        await writes.WriteAsync(cluster.Client, 20);
        await CaughtUpAsync(cluster);

        var copy = silo.Disk.Copy();
        if (wasOpenedAgain)
        {
            await silo.CrashAsync();
            await silo.StartAsync();
            await CaughtUpAsync(cluster);
        }

        await writes.WriteAsync(cluster.Client, 20);
        await CaughtUpAsync(cluster);
        await silo.CrashAsync();
        silo.Disk = copy;
        await silo.StartAsync();

        await RequireRefusedAsync(cluster, "dc2", "was rolled back");
        Assert.Contains(cluster.Log.Lines, static line => line.Contains("default/0@dc2 will not vote again", StringComparison.Ordinal));
        await writes.WriteAsync(cluster.Clients[new("dc2")], 20);
        await writes.RequireAllAsync(cluster.Client);

        // If it voted it could make a majority with either of the others, and one of those would have what the copy has.
        cluster.Raft.Cut(new("dc1"), new("dc2"));
        cluster.Raft.Cut(new("dc1"), new("dc3"));
        await cluster.WaitForReplicasAsync("no replica leads", static all => all.Count(IsDefault) == 6 && all.Where(IsDefault).All(static s => s.Role != "Leader"));
        Assert.False(await cluster.Client.PutAsync("default", "one of three", "value", TimeSpan.FromSeconds(4)) is Applied);
        cluster.Raft.Heal();
        await writes.WriteAsync(cluster.Client, 20);
        await writes.RequireAllAsync(cluster.Client);

        // The folder remembers it, too.
        await silo.CrashAsync();
        await silo.StartAsync();
        await RequireRefusedAsync(cluster, "dc2", "was rolled back");
        await writes.RequireAllAsync(cluster.Client);
    }

    [Fact]
    public async Task It_is_refused_also_when_all_others_were_restarted_in_good_order_meanwhile()
    {
        await using var cluster = await StartAsync(ThreeSilos);
        await cluster.WaitUntilAllRunAsync();
        var writes = new AcknowledgedWrites();
        await writes.WriteAsync(cluster.Client, 20);
        await CaughtUpAsync(cluster);
        var silo = cluster.Silo("dc2/silo-1");
        var copy = silo.Disk.Copy();
        await writes.WriteAsync(cluster.Client, 20);
        await CaughtUpAsync(cluster);

        await Task.WhenAll(cluster.Silos.Select(static s => s.StopAsync()));
        silo.Disk = copy;
        await Task.WhenAll(cluster.Silos.Select(static s => s.StartAsync()));
        await RequireRefusedAsync(cluster, "dc2", "was rolled back");
        await writes.RequireAllAsync(cluster.Client);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task All_silos_that_restart_at_once_come_up_with_their_data(bool inGoodOrder)
    {
        await using var cluster = await StartAsync(ThreeSilos);
        await cluster.WaitUntilAllRunAsync();
        var writes = new AcknowledgedWrites();
        await writes.WriteAsync(cluster.Client, 20);

        await Task.WhenAll(cluster.Silos.Select(s => inGoodOrder ? s.StopAsync() : s.CrashAsync()));
        await Task.WhenAll(cluster.Silos.Select(static s => s.StartAsync()));
        await CaughtUpAsync(cluster);
        await writes.RequireAllAsync(cluster.Client);
        await writes.WriteAsync(cluster.Client, 20);
        Assert.DoesNotContain(cluster.Log.Lines, static line => line.Contains("is refused", StringComparison.Ordinal));
    }

    [Fact]
    public async Task With_one_datacenter_dead_another_restarts_and_the_two_go_on()
    {
        await using var cluster = await StartAsync(ThreeSilos);
        await cluster.WaitUntilAllRunAsync();
        var writes = new AcknowledgedWrites();
        await writes.WriteAsync(cluster.Client, 20);

        await LeadAsync(cluster, new("dc3"));
        await cluster.Silo("dc3/silo-1").CrashAsync();
        await cluster.Silo("dc2/silo-1").CrashAsync();
        await cluster.Silo("dc2/silo-1").StartAsync();
        await writes.WriteAsync(cluster.Client, 20);
        await writes.RequireAllAsync(cluster.Client);

        // What it had said to the dead one it says again when that one is back, which listens to its new opening only then.
        await cluster.Silo("dc3/silo-1").StartAsync();
        await CaughtUpAsync(cluster);
        await writes.RequireAllAsync(cluster.Clients[new("dc3")]);
        Assert.DoesNotContain(cluster.Log.Lines, static line => line.Contains("is refused", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_folder_of_another_system_is_refused_by_all_its_groups()
    {
        Storage.MemoryDisk foreign;
        await using (var other = await StartAsync(ThreeSilos))
        {
            await other.WaitUntilAllRunAsync();
            foreign = other.Silo("dc2/silo-1").Disk;
        }

        await using var cluster = await StartAsync(ThreeSilos);
        await cluster.WaitUntilAllRunAsync();
        var writes = new AcknowledgedWrites();
        await writes.WriteAsync(cluster.Client, 20);
        var silo = cluster.Silo("dc2/silo-1");
        await silo.CrashAsync();
        silo.Disk = foreign;
        await silo.StartAsync();
        await RequireRefusedAsync(cluster, "dc2", "this store is of another system");
        await writes.WriteAsync(cluster.Client, 20);
        await writes.RequireAllAsync(cluster.Client);
    }

    private static bool IsDefault(ReplicaStatus status) => status.Replica.StartsWith("default/", StringComparison.Ordinal);

    private static bool IsIn(ReplicaStatus status, string datacenter) => status.Replica.EndsWith($"@{datacenter}", StringComparison.Ordinal);

    private async Task RequireRefusedAsync(MultiDcTestCluster cluster, string datacenter, string detail)
    {
        var all = await cluster.WaitForReplicasAsync(
            $"the replicas in {datacenter} are refused, the others lead",
            all => all.Count(IsDefault) == 6 && all.Where(IsDefault).All(s => IsIn(s, datacenter) ? s.State == "refused" : s is { State: "running", Leader: not null }));
        foreach (var status in all.Where(s => IsDefault(s) && IsIn(s, datacenter)))
        {
            output.WriteLine(Describe(status));
            Assert.Contains(detail, status.Detail);
            var read = await cluster.Grains.GetGrain<IReplicaGrain>(status.Replica).ReadAsync(new(Encoding.UTF8.GetBytes("acknowledged/0001"), TimeSpan.FromSeconds(1)));
            Assert.Equal(RejectionReason.NotReady, Assert.IsType<ReadRejected>(read).Reason);
        }
    }

    private static Task CaughtUpAsync(MultiDcTestCluster cluster) => cluster.WaitForReplicasAsync(
        "all replicas run, have a leader and have caught up",
        static all => all.Count(IsDefault) == 6 && all.All(s => s is { State: "running", Leader: not null }
            && s.AppliedIndex == all.Where(o => o.Replica[..o.Replica.IndexOf('@')] == s.Replica[..s.Replica.IndexOf('@')]).Max(static o => o.LastIndex)));

    private static async Task LeadAsync(MultiDcTestCluster cluster, DatacenterId datacenter)
    {
        await cluster.WaitAsync(
            $"datacenter {datacenter} leads",
            async () =>
            {
                var all = await cluster.Client.GetStatusAsync();
                foreach (var leading in all.Where(s => IsDefault(s) && s.Role == "Leader" && !IsIn(s, datacenter.Value)))
                {
                    await cluster.Grains.GetGrain<IReplicaGrain>(leading.Replica).TransferLeadershipAsync(datacenter);
                }

                return all.Where(IsDefault).ToArray();
            },
            all => all.Length == 6 && all.All(s => s.Leader == datacenter),
            static all => string.Join("\n", all.Select(Describe)));
    }
}
