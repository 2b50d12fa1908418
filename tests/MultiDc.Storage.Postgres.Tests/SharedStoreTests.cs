using MultiDc.Client;
using MultiDc.Testing.Cluster;
using MultiDc.Testing.Postgres;
using Xunit.Abstractions;

namespace MultiDc.Storage.Postgres.Tests;

/// <summary>Silos of a datacenter over one database: real grains, placement and founding, and a real server.</summary>
public sealed class SharedStoreTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_replica_wakes_on_the_other_silo_of_its_datacenter_and_replicas_open_again_when_their_database_is_back()
    {
        string[] datacenters = ["dc1", "dc2", "dc3"];
        await using var server = await PostgresServer.StartAsync();
        await using var other = await PostgresServer.StartAsync();
        var databases = new Dictionary<string, string>();
        foreach (var datacenter in datacenters)
        {
            var host = datacenter == "dc1" ? server : other;
            databases.Add(datacenter, host.ConnectionString(await host.CreateDatabaseAsync()));
        }

        await using var cluster = await MultiDcTestCluster.StartAsync(new()
        {
            Datacenters = datacenters,
            ShardCount = 4,
            Stores = TestStores.PerDatacenter,
            OpenStore = async datacenter => await PostgresTestStore.OpenAsync(databases[datacenter]),
        });
        var before = await cluster.WaitUntilAllRunAsync();
        await PutAsync(cluster, "before", "1");

        var dead = cluster.Silo("dc1/silo-1");
        var moving = before.Where(s => s.Silo == dead.Name).ToDictionary(static s => s.Replica);
        Assert.NotEmpty(moving);
        await dead.CrashAsync();
        var after = await cluster.WaitForReplicasAsync(
            "the dead silo's replicas run on the other silo",
            all => all.All(s => s is { State: "running", Leader: not null } && (!moving.ContainsKey(s.Replica) || s.Silo == "dc1/silo-2")));
        Assert.All(after.Where(s => moving.ContainsKey(s.Replica)), s => Assert.True(s.Epoch > moving[s.Replica].Epoch, MultiDcTestCluster.Describe(s)));
        Assert.Equal("1", ValueOf(await cluster.Client.GetAsync("default", "before")));

        await server.KillAsync();
        await cluster.WaitForReplicasAsync(
            "the replicas of the lost database stand still, the others lead",
            static all => all.All(s => s.Replica.EndsWith("@dc1", StringComparison.Ordinal) ? s.State == "stopped" : s is { State: "running", Leader: not null }));
        await PutAsync(cluster, "during", "2");

        await server.RestartAsync();
        await cluster.WaitForReplicasAsync(
            "they have opened again by themselves and caught up",
            static all => all.All(s => s is { State: "running", Leader: not null }
                && s.AppliedIndex == all.Where(o => o.Replica.Split('@')[0] == s.Replica.Split('@')[0]).Max(static o => o.AppliedIndex)));
        Assert.Equal("2", ValueOf(await cluster.Client.GetAsync("default", "during")));
        output.WriteLine(string.Join(Environment.NewLine, after.Select(MultiDcTestCluster.Describe)));
    }

    private static async Task PutAsync(MultiDcTestCluster cluster, string key, string value) => await cluster.WaitAsync(
        $"'{key}' is written", () => cluster.Client.PutAsync("default", key, value), static result => result is Applied, static result => result.ToString());

    private static string ValueOf(ReadResult read) =>
        read is ReadServed { Entry: { } entry } ? System.Text.Encoding.UTF8.GetString(entry.Value.Span) : throw new InvalidOperationException(read.ToString());
}
