using MultiDc.Client;
using MultiDc.Testing.Cluster;
using Xunit.Abstractions;

namespace MultiDc.Server.Tests.Cluster;

public sealed class LeadershipHandoverTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_silo_that_stops_in_good_order_hands_over_all_that_it_leads()
    {
        // Nobody is missed within this test: who leads without the one that stopped was told to.
        await using var cluster = await MultiDcTestCluster.StartAsync(new() { SilosPerDatacenter = 1, ElectionTimeout = TimeSpan.FromSeconds(6) });
        await cluster.WaitUntilAllRunAsync();
        var before = await cluster.WaitForReplicasAsync("every shard has a leader", static all => all.Count(static s => s.Role == "Leader") == all.Select(static s => s.Replica.Split('@')[0]).Distinct().Count());
        var stopping = cluster.Silos.MaxBy(silo => before.Count(s => s.Role == "Leader" && s.Silo == silo.Name))!;
        string[] led = [.. before.Where(s => s.Role == "Leader" && s.Silo == stopping.Name).Select(static s => s.Replica.Split('@')[0])];
        Assert.NotEmpty(led);
        output.WriteLine($"{stopping.Name} leads {string.Join(", ", led)}");

        await stopping.StopAsync();

        var client = cluster.Clients.First(pair => pair.Key != stopping.Datacenter).Value;
        var after = await client.GetStatusAsync();
        foreach (var shard in led)
        {
            var leader = Assert.Single(after, s => s.Replica.StartsWith($"{shard}@", StringComparison.Ordinal) && s.Role == "Leader");
            Assert.NotEqual(stopping.Name, leader.Silo);
            Assert.Equal(before.First(s => s.Replica.StartsWith($"{shard}@", StringComparison.Ordinal)).Term + 1, leader.Term);
        }
    }
}
