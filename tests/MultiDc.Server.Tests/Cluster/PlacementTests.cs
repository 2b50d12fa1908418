using Microsoft.Extensions.DependencyInjection;
using MultiDc.Grains;
using MultiDc.Testing.Cluster;
using Orleans.Runtime;
using Xunit.Abstractions;
using static MultiDc.Testing.Cluster.MultiDcTestCluster;

namespace MultiDc.Server.Tests.Cluster;

[Collection(ClusterTests.Name)]
public sealed class PlacementTests(SharedCluster shared, ITestOutputHelper output)
{
    private MultiDcTestCluster Cluster => shared.Cluster;

    [Fact]
    public async Task Every_replica_and_ring_grain_lives_in_its_own_datacenter()
    {
        var statistics = await Cluster.Grains.GetGrain<IManagementGrain>(0).GetDetailedGrainStatistics();
        var datacenterOf = Cluster.Silos.ToDictionary(static silo => silo.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress, static silo => silo.Datacenter);
        var grains = statistics.Select(s => (Type: s.GrainId.Type.ToString()!, Key: s.GrainId.Key.ToString()!, Silo: datacenterOf[s.SiloAddress])).ToArray();
        var replicas = grains.Where(static g => g.Type == "replica" && g.Key != "default/99@dc1").ToArray();
        var rings = grains.Where(static g => g.Type == "ring").ToArray();
        output.WriteLine($"{replicas.Length} replicas, {rings.Length} ring grains; grain types: {string.Join(", ", grains.Select(static g => g.Type).Distinct())}");
        foreach (var datacenter in Cluster.Options.Datacenters)
        {
            output.WriteLine($"{datacenter}: {replicas.Concat(rings).Count(g => g.Silo.Value == datacenter)} grains");
        }

        Assert.All(replicas.Concat(rings), static g => Assert.Equal(g.Silo.Value, g.Key[(g.Key.LastIndexOf('@') + 1)..]));
        Assert.Equal(
            Cluster.DefaultReplicas.Select(static r => r.ToString()).Concat(Cluster.Options.Datacenters.Select(static d => $"multidc.ring/0@{d}")).Order(),
            replicas.Select(static r => r.Key).Order());
        Assert.Equal(Cluster.Options.Datacenters, rings.Select(static r => r.Key).Order());
    }

    [Fact]
    public async Task Replicas_are_on_the_silo_that_the_ring_gives_them_and_both_silos_of_a_datacenter_have_some()
    {
        var ring = await Cluster.WaitForRingAsync("six members", static ring => ring.Members.Length == 6);
        var statuses = (await Cluster.Client.GetStatusAsync()).Where(static s => s.Replica.StartsWith("default/", StringComparison.Ordinal)).ToArray();
        foreach (var silo in statuses.GroupBy(static s => s.Silo).OrderBy(static g => g.Key))
        {
            output.WriteLine($"{silo.Key}: {string.Join(" ", silo.Select(static s => s.Replica))}");
        }

        Assert.Equal(48, statuses.Length);
        Assert.Equal(Cluster.Silos.Select(static s => s.Name), statuses.Select(static s => s.Silo).Distinct().Order());
        Assert.All(statuses, status =>
        {
            Assert.True(ReplicaAddress.TryParse(status.Replica, out var replica));
            Assert.Equal(ring.SiloOf(replica), status.Silo);
        });
    }

    [Fact]
    public async Task A_replica_in_an_unknown_datacenter_is_refused_with_the_datacenter_the_metadata_key_and_the_silos()
    {
        var refusal = await Assert.ThrowsAnyAsync<OrleansException>(() => Cluster.Grains.GetGrain<IReplicaGrain>("default/0@nowhere").GetStatusAsync());
        output.WriteLine(refusal.Message);
        Assert.Contains("No silo of this cluster is in datacenter 'nowhere', where grain 'default/0@nowhere' is pinned", refusal.Message);
        Assert.Contains($"'{DatacenterId.SiloMetadataKey}'", refusal.Message);
        Assert.All(Cluster.Silos, silo => Assert.Contains($"{silo.Name} in '{silo.Datacenter}'", refusal.Message));
    }

    [Fact]
    public async Task A_made_up_replica_of_a_known_datacenter_never_votes()
    {
        var status = await Cluster.WaitAsync(
            "a sentence about the shard", () => Cluster.Grains.GetGrain<IReplicaGrain>("default/99@dc1").GetStatusAsync(), static s => s.Detail.Length > 0, Describe);
        output.WriteLine(Describe(status));
        Assert.Equal("founding", status.State);
        Assert.Contains("keyspace 'default' has 16 shards", status.Detail);
    }
}
