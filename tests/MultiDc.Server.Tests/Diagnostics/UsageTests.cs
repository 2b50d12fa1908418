using System.Diagnostics.Metrics;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Server.Diagnostics;
using MultiDc.Server.Tests.Cluster;

namespace MultiDc.Server.Tests.Diagnostics;

[Collection(ClusterTests.Name)]
public sealed class UsageTests(SharedCluster shared)
{
    [Fact]
    public async Task Every_silo_of_a_datacenter_tells_what_its_process_has_used()
    {
        var grain = shared.Cluster.Grains.GetGrain<IUsageGrain>("dc2");
        var before = await grain.GetUsageAsync();
        Assert.IsType<Applied>(await shared.Cluster.Client.PutAsync("default", "usage", new string('x', 10_000)));
        var after = await grain.GetUsageAsync();

        Assert.Equal(2, after.Length);
        Assert.All(after, static usage => Assert.StartsWith("dc2", usage.Silo, StringComparison.Ordinal));
        Assert.Equal(before.Select(static usage => (usage.Silo, usage.Process)), after.Select(static usage => (usage.Silo, usage.Process)));
        Assert.All(before.Zip(after), static pair =>
        {
            Assert.True(pair.Second.ProcessorTime >= pair.First.ProcessorTime && pair.First.ProcessorTime > TimeSpan.Zero);
            Assert.True(pair.Second.AllocatedBytes > pair.First.AllocatedBytes + 10_000);
        });
    }
}

public sealed class ProcessUsageTests
{
    [Fact]
    public void Flushes_of_the_stores_are_counted_and_nothing_else_is()
    {
        using var usage = new ProcessUsage();
        using var meter = new Meter("MultiDc");
        var before = usage.Now("any").Flushes;
        meter.CreateHistogram<double>("multidc.store.flush.duration").Record(0.1);
        meter.CreateHistogram<double>("multidc.store.state_flush.duration").Record(0.1);
        var other = meter.CreateHistogram<double>("multidc.something.else");
        for (var i = 0; i < 1_000_000; i++)
        {
            other.Record(0.1);
        }

        // Stores of other tests in this process may flush too, but not so often.
        Assert.InRange(usage.Now("any").Flushes - before, 2, 500_000);
    }
}
