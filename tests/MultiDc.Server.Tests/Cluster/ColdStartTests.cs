using MultiDc.Testing.Cluster;
using Xunit.Abstractions;
using static MultiDc.Testing.Cluster.MultiDcTestCluster;

namespace MultiDc.Server.Tests.Cluster;

[Collection(ClusterTests.Name)]
public sealed class ColdStartTests(ITestOutputHelper output)
{
    /// <summary>While silos join they disagree about who is there, hence about each replica's place; every replica must find one home all the same.</summary>
    [Fact]
    public async Task Six_silos_that_start_at_once_found_every_replica_once()
    {
        await using var cluster = await StartAsync(new() { StartTogether = true });
        var all = await cluster.WaitUntilAllRunAsync();
        foreach (var status in all)
        {
            output.WriteLine(Describe(status));
        }

        var writes = new AcknowledgedWrites();
        await writes.WriteAsync(cluster.Client, 20);
        await writes.RequireAllAsync(cluster.Client);
        Assert.DoesNotContain(cluster.Log.Lines, static line => line.Contains("is refused", StringComparison.Ordinal));
    }
}
