using MultiDc.Testing.Cluster;

namespace MultiDc.Server.Tests.Cluster;

/// <summary>One cluster for all tests that leave it as they found it: two silos in each of three datacenters, a store in each silo, 16 shards.</summary>
public sealed class SharedCluster : IAsyncLifetime
{
    private MultiDcTestCluster? cluster;

    public MultiDcTestCluster Cluster => cluster!;

    public async Task InitializeAsync()
    {
        cluster = await MultiDcTestCluster.StartAsync(new() { ShardCount = 16 });
        await cluster.WaitUntilAllRunAsync();
    }

    public async Task DisposeAsync() => await Cluster.DisposeAsync();
}

/// <summary>All tests with a cluster, one after the other: two clusters at once would starve each other on a small machine.</summary>
[CollectionDefinition(Name)]
public sealed class ClusterTests : ICollectionFixture<SharedCluster>
{
    public const string Name = "cluster";
}
