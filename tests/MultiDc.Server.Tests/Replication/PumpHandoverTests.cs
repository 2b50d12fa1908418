using MultiDc.Raft;

namespace MultiDc.Server.Tests.Replication;

public sealed class PumpHandoverTests
{
    // What waits for a pump goes on on the thread pool.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public void It_ends_when_another_leads_and_at_once_where_nobody_leads()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var follower = group.Followers[0].Pump!.HandOverLeadershipAsync();
        group.Run();
        Assert.True(follower.Wait(Patience));

        var handed = leader.Pump!.HandOverLeadershipAsync();
        Assert.False(handed.IsCompleted);
        group.Run();
        Assert.True(handed.Wait(Patience));
        Assert.NotEqual(RaftRole.Leader, leader.Pump.Status.Role);
        Assert.NotSame(leader, group.Leader);
    }

    [Fact]
    public void It_waits_while_nobody_takes_over_and_ends_with_the_pump()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        group.Network.CutOff.Add(leader.Address.Datacenter);
        var handed = leader.Pump!.HandOverLeadershipAsync();
        group.Run();
        Assert.False(handed.IsCompleted);
        PumpGroup.Stop(leader);
        Assert.True(handed.Wait(Patience));
    }
}
