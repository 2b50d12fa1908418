using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using MultiDc.Host.Silo;
using Orleans;
using Orleans.Storage;

namespace MultiDc.Storage.Postgres.Tests;

/// <summary>The ready-made host over PostgreSQL, as <c>multidc run</c> builds it.</summary>
public sealed class SiloHostTests
{
    [Fact]
    public async Task A_silo_keeps_its_replicas_and_the_applications_grains_in_the_database()
    {
        var connectionString = await PostgresTestStore.NewDatabaseAsync();
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["MultiDc:ClusterId"] = "test",
            ["MultiDc:Datacenter"] = "dc1",
            ["MultiDc:Datacenters:0:Name"] = "dc1",
            ["MultiDc:Keyspaces:0:Name"] = "default",
            ["MultiDc:Keyspaces:0:ShardCount"] = "1",
            ["Silo:Store"] = "Postgres",
            ["Silo:Postgres"] = connectionString,
            ["Silo:SiloPort"] = $"{FreePort()}",
            ["Silo:GatewayPort"] = $"{FreePort()}",
            ["Logging:LogLevel:Default"] = "None",
        }).Build();
        using var host = await SiloHost.BuildAsync(configuration, CancellationToken.None);
        await host.StartAsync();
        Assert.IsType<PostgresReplicaStore>(host.Services.GetRequiredService<IReplicaStore>());
        Assert.NotNull(host.Services.GetRequiredKeyedService<IGrainStorage>("Default"));
        var grains = host.Services.GetRequiredService<IGrainFactory>();
        await MultiDc.Testing.Cluster.Poll.UntilAsync(
            "the replica leads", () => grains.GetGrain<Grains.IReplicaGrain>("default/0@dc1").GetStatusAsync(), static status => status is { State: "running", Role: "Leader" },
            static status => $"{status}", MultiDc.Testing.Cluster.MultiDcTestCluster.Patience);
        await host.StopAsync();

        await using var store = await PostgresTestStore.OpenAsync(connectionString);
        Assert.NotNull(await store.GetRecordAsync("founded/default/0@dc1"));
        Assert.NotEmpty((await store.OpenAsync(new ReplicaName("default/0@dc1"), null))!.Recovered.Entries);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
