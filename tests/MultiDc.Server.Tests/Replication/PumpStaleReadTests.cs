using MultiDc.Raft;
using MultiDc.Server.Replication;
using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Tests.Replication;

public sealed class PumpStaleReadTests
{
    private static readonly RaftNodeOptions TellingLate = new() { Id = default, ElectionTimeoutTicks = 10, HeartbeatTicks = 2, TellCommitAtOnce = false };

    [Fact]
    public void A_follower_waits_until_it_has_applied_and_not_only_until_it_has_the_entry()
    {
        using var group = new PumpGroup(nodeOptions: TellingLate);
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        group.Put(leader, session, 1, "k", "old");
        group.Tick(2);
        Assert.Equal(new Applied(new(leader.Pump!.Status.Last.Value + 1)), group.Put(leader, session, 2, "k", "new"));
        var follower = group.Followers[0];
        Assert.Equal(leader.Pump!.Status.Last, follower.Pump!.Status.Last);

        var wait = follower.Pump.WaitUntilAppliedAsync(leader.Pump.Status.Commit, TimeSpan.FromSeconds(10));
        Assert.Equal("old", group.Settled(ReadStale(follower)));
        Assert.False(wait.IsCompleted);
        group.Tick(2);
        Assert.True(PumpGroup.Done(wait));
        Assert.Equal("new", group.Settled(ReadStale(follower)));
    }

    [Fact]
    public void A_replica_that_is_cut_off_serves_what_it_has()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        group.Put(leader, session, 1, "k", "old");
        var follower = group.Followers[0];
        group.Network.CutOff.Add(follower.Address.Datacenter);
        group.Put(leader, session, 2, "k", "new");
        group.Tick(30);
        Assert.Equal("old", group.Settled(ReadStale(follower)));
        Assert.Equal("new", group.Settled(ReadStale(leader)));
    }

    [Fact]
    public void Whoever_waits_for_what_will_never_be_applied_is_told_when_the_pump_stops_and_only_so_many_may_wait()
    {
        using var group = new PumpGroup(options: new() { MaxHeldReads = 2 });
        var leader = group.ElectLeader();
        var follower = group.Followers[0];
        var beyond = new LogIndex(leader.Pump!.Status.Last.Value + 100);
        Task<bool>[] waits = [.. Enumerable.Range(0, 3).Select(_ => follower.Pump!.WaitUntilAppliedAsync(beyond, TimeSpan.FromSeconds(10)))];
        group.Run();
        Assert.Equal([false, false, true], waits.Select(static wait => wait.IsCompleted));
        Assert.False(PumpGroup.Done(waits[2]));
        PumpGroup.Stop(follower);
        Assert.All(waits, static wait => Assert.False(PumpGroup.Done(wait)));
    }

    [Fact]
    public void Whoever_has_lost_patience_with_what_will_never_be_applied_keeps_nobody_else_from_waiting()
    {
        using var group = new PumpGroup(options: new() { MaxHeldReads = 2 });
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        var follower = group.Followers[0];
        var beyond = new LogIndex(leader.Pump!.Status.Last.Value + 100);
        Task<bool>[] lost = [.. Enumerable.Range(0, 2).Select(_ => follower.Pump!.WaitUntilAppliedAsync(beyond, TimeSpan.FromSeconds(1)))];
        group.Run();
        follower.Time.Advance(TimeSpan.FromSeconds(2));
        var next = follower.Pump!.WaitUntilAppliedAsync(new(leader.Pump!.Status.Last.Value + 1), TimeSpan.FromSeconds(10));
        group.Run();
        Assert.All(lost, static wait => Assert.False(PumpGroup.Done(wait)));
        Assert.False(next.IsCompleted);
        group.Put(leader, session, 1, "k", "v");
        group.Tick(2);
        Assert.True(PumpGroup.Done(next));
    }

    [Fact]
    public void Who_has_no_vote_yet_or_no_more_refuses()
    {
        using var group = new PumpGroup(size: 4, founders: 3);
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        group.Put(leader, session, 1, "k", "v");
        var joiner = group.Replicas[3];
        group.Run();
        Assert.Equal("!NotReady", group.Settled(ReadStale(joiner)));
        Assert.IsType<Applied>(Change(ConfigurationChangeKind.AddLearner, joiner));
        group.Tick(3);
        Assert.Equal("!NotReady", group.Settled(ReadStale(joiner)));
        Assert.IsType<Applied>(Change(ConfigurationChangeKind.AddVoter, joiner));
        Assert.Equal("v", group.Settled(ReadStale(joiner)));
        Assert.IsType<Applied>(Change(ConfigurationChangeKind.Remove, leader));
        Assert.Equal("!NotReady", group.Settled(ReadStale(leader)));

        WriteResult Change(ConfigurationChangeKind kind, Replica replica) => PumpMembershipTests.Change(group, leader, kind, replica);
    }

    [Fact]
    public void A_stopped_replica_refuses()
    {
        using var group = new PumpGroup();
        var follower = group.ElectLeader();
        var pump = follower.Pump!;
        PumpGroup.Stop(follower);
        Assert.Equal("!NotReady", PumpGroup.Done(ReadStale(pump)));
    }

    /// <summary>The value here, null when absent, "!reason" when refused.</summary>
    internal static Task<string?> ReadStale(Replica at) => ReadStale(at.Pump!);

    private static Task<string?> ReadStale(ReplicaPump pump) => pump.ReadStaleAsync<string?>(
        static async state => await KeyValueReader.GetAsync(state, Writes.Bytes("k")) is { } entry ? Writes.Text(entry.Value) : null,
        static rejected => $"!{rejected.Reason}");
}
