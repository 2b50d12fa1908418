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
