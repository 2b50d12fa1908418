using MultiDc.Raft;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Tests.Replication;

/// <summary>Two full replicas and a witness, founded so: that a datacenter is gone is told to the pumps, and costs no election timeout.</summary>
public sealed class PumpWitnessTests
{
    private static readonly RaftNodeOptions Options = new() { Id = default, ElectionTimeoutTicks = 40, HeartbeatTicks = 2 };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void When_the_leaders_datacenter_is_missed_the_other_leads_and_writes_within_less_than_an_election_timeout(ulong seed)
    {
        using var group = new PumpGroup(seed: seed, nodeOptions: Options, witnesses: 1);
        var dead = group.ElectLeader();
        var witness = group.Replicas[2];
        var session = group.OpenSession(dead);
        Assert.IsType<Applied>(group.Put(dead, session, 1, "k", "1"));
        PumpGroup.Crash(dead);
        foreach (var replica in group.Replicas.Where(r => r != dead))
        {
            replica.Pump!.Miss(dead.Address.Datacenter);
        }

        group.Run();
        for (var ticks = 0; ticks < Options.ElectionTimeoutTicks / 2 && group.Leader is null; ticks++)
        {
            group.Tick(1);
        }

        var leader = group.Leader;
        Assert.NotNull(leader);
        Assert.NotEqual(witness, leader);
        Assert.IsType<Applied>(group.Put(leader, session, 2, "k", "2"));
        Assert.Equal("2", group.ReadNow(leader, "k"));
        Assert.Equal(leader.Pump!.Status.Commit, witness.Pump!.Status.Commit);
    }

    [Fact]
    public void A_leader_whose_followers_datacenter_is_missed_goes_on_at_once_and_waits_for_it_again_when_it_is_back()
    {
        using var group = new PumpGroup(nodeOptions: Options, witnesses: 1);
        var leader = group.ElectLeader();
        var (other, witness) = (group.Followers[0], group.Replicas[2]);
        var session = group.OpenSession(leader);
        PumpGroup.Crash(other);
        var write = PumpGroup.Propose(leader, Writes.Put(session, 1, "k", "1"));
        group.Tick(Options.ElectionTimeoutTicks / 2);
        Assert.False(write.IsCompleted);
        leader.Pump!.Miss(other.Address.Datacenter);
        Assert.IsType<Applied>(group.Settled(write).Result);

        group.Start(other);
        group.Tick(2 * Options.ElectionTimeoutTicks);
        Assert.Equal(leader.Pump.Status.Commit, other.Pump!.Status.Commit);
        PumpGroup.Crash(other);
        write = PumpGroup.Propose(leader, Writes.Put(session, 2, "k", "2"));
        group.Tick(Options.ElectionTimeoutTicks / 2);
        Assert.False(write.IsCompleted);
        group.Tick(Options.ElectionTimeoutTicks);
        Assert.IsType<Applied>(PumpGroup.Done(write).Result);
    }

    [Fact]
    public void Two_datacenters_that_are_missed_together_are_both_heeded()
    {
        using var group = new PumpGroup(size: 5, nodeOptions: Options, witnesses: 2);
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        Replica[] gone = [.. group.Replicas.Take(3).Where(r => r != leader)];
        foreach (var replica in gone)
        {
            PumpGroup.Crash(replica);
        }

        var write = PumpGroup.Propose(leader, Writes.Put(session, 1, "k", "1"));
        foreach (var replica in gone)
        {
            leader.Pump!.Miss(replica.Address.Datacenter);
        }

        Assert.IsType<Applied>(group.Settled(write).Result);
    }
}
