using MultiDc.Server.Replication;

namespace MultiDc.Server.Tests.Replication;

public sealed class PumpPreferredLeaderTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("b")]
    [InlineData("c")]
    public void The_leadership_moves_to_the_preferred_datacenter_and_stays_there(string preferred)
    {
        using var group = new PumpGroup(options: new() { PreferredLeaders = [GroupMembers.TagOf(new(preferred))] });
        group.ElectLeader();
        group.Tick(80);
        Assert.Equal(preferred, group.Leader.Address.Datacenter.Value);
        var term = group.Leader.Pump!.Status.Term;
        group.Tick(300);
        Assert.Equal(term, group.Leader.Pump.Status.Term);
    }

    [Fact]
    public void The_order_may_change_and_shards_that_are_led_from_elsewhere_are_counted()
    {
        using var counted = new CountedMeter("multidc.raft.leaders.misplaced");
        IReadOnlyList<MultiDc.Raft.DatacenterTag> order = [];
        using var group = new PumpGroup(preferredLeaders: () => order, metrics: new(counted.Factory));
        group.ElectLeader();
        group.Tick(80);
        Assert.Equal(0, counted.Sum);
        foreach (var name in "abcba".Select(static c => c.ToString()))
        {
            order = [GroupMembers.TagOf(new(name)), GroupMembers.TagOf(new("c"))];
            group.Tick(120);
            Assert.Equal((name, 0L), (group.Leader.Address.Datacenter.Value, counted.Sum));
        }

        // A preferred datacenter that is away is missed for as long as it is.
        group.Network.CutOff.Add(new("a"));
        group.Tick(120, group.Replicas.Where(static r => r.Address.Datacenter.Value != "a"));
        Assert.Equal(1, group.Replicas.Where(static r => r.Address.Datacenter.Value != "a").Count(static r => r.Pump!.Status.Role == MultiDc.Raft.RaftRole.Leader));
        Assert.Equal(1, counted.Sum);
        foreach (var replica in group.Replicas)
        {
            PumpGroup.Stop(replica);
        }

        Assert.Equal(0, counted.Sum);
    }

    [Fact]
    public void When_the_preferred_datacenter_comes_back_so_does_the_leadership()
    {
        using var group = new PumpGroup(options: new() { PreferredLeaders = [GroupMembers.TagOf(new("b")), GroupMembers.TagOf(new("c"))] });
        group.ElectLeader();
        group.Tick(80);
        group.Network.CutOff.Add(new("b"));
        group.Tick(120);
        Assert.Equal("c", group.Replicas.Where(r => r.Address.Datacenter.Value != "b").Single(r => r.Pump!.Status.Role == Raft.RaftRole.Leader).Address.Datacenter.Value);
        group.Network.CutOff.Clear();
        group.Tick(120);
        Assert.Equal("b", group.Leader.Address.Datacenter.Value);
    }
}
