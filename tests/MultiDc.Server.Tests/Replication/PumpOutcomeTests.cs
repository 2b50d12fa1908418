using MultiDc.Raft;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Tests.Replication;

/// <summary>What callers are told of writes: Applied, Rejected or Unknown, and never one for the other.</summary>
public sealed class PumpOutcomeTests
{
    [Fact]
    public void A_follower_rejects_a_write_and_names_the_leader()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var rejected = Assert.IsType<Rejected>(group.Put(group.Followers[0], new(1), 1, "k", "v"));
        Assert.Equal((RejectionReason.NotLeader, leader.Address.Datacenter), (rejected.Reason, rejected.Leader));
    }

    [Fact]
    public void A_write_whose_place_another_leader_took_is_rejected_and_one_that_survived_its_leader_is_applied()
    {
        using var group = new PumpGroup();
        var first = group.ElectLeader();
        var session = group.OpenSession(first);
        group.Network.CutOff.Add(first.Address.Datacenter);
        var lost = PumpGroup.Propose(first, Writes.Put(session, 1, "k", "lost"));
        group.Run();
        var second = group.ElectLeader();
        Assert.NotEqual(first, second);
        Assert.False(lost.IsCompleted);

        group.Network.CutOff.Clear();
        group.Tick(5);
        Assert.Equal(RejectionReason.NotLeader, Assert.IsType<Rejected>(PumpGroup.Done(lost).Result).Reason);
        Assert.Null(group.ReadNow(second, "k"));

        // This one reaches a follower, but its answer and its leader are gone before it is committed there.
        group.Network.Rule = static p => p.Message is AppendAccepted ? Fate.Drop : Fate.Deliver;
        var survivor = PumpGroup.Propose(second, Writes.Put(session, 2, "k", "kept"));
        group.Run();
        group.Network.Rule = static _ => Fate.Deliver;
        group.Network.CutOff.Add(second.Address.Datacenter);
        group.ElectLeader();
        group.Network.CutOff.Clear();
        group.Tick(5);
        Assert.IsType<Applied>(PumpGroup.Done(survivor).Result);
        Assert.Equal("kept", group.ReadNow(group.Leader, "k"));
    }

    [Fact]
    public void A_write_at_an_index_that_another_entry_was_applied_at_is_never_told_that_entrys_result()
    {
        using var group = new PumpGroup();
        var first = group.ElectLeader();
        var session = group.OpenSession(first);
        group.Network.CutOff.Add(first.Address.Datacenter);
        Task<Server.StateMachine.ApplyResult>[] lost = [.. Enumerable.Range(1, 5).Select(i => PumpGroup.Propose(first, Writes.Put(session, (ulong)i, $"lost{i}", "x")))];
        var second = group.ElectLeader();
        for (var i = 1UL; i <= 8; i++)
        {
            Assert.IsType<Applied>(group.Put(second, session, i, $"kept{i}", "y"));
        }

        group.Network.CutOff.Clear();
        group.Tick(5);
        Assert.All(lost, static write => Assert.IsType<Rejected>(PumpGroup.Done(write).Result));
        Assert.All(Enumerable.Range(1, 5), i => Assert.Null(group.ReadNow(second, $"lost{i}")));
    }

    [Fact]
    public void A_write_whose_index_is_given_out_again_is_unknown()
    {
        using var group = new PumpGroup();
        var first = group.ElectLeader();
        var session = group.OpenSession(first);
        group.Network.CutOff.Add(first.Address.Datacenter);
        Task<Server.StateMachine.ApplyResult>[] lost = [.. Enumerable.Range(1, 3).Select(i => PumpGroup.Propose(first, Writes.Put(session, (ulong)i, "k", "lost")))];
        var second = group.ElectLeader();
        group.Network.CutOff.Clear();
        group.Tick(5);

        // The second leader's only entry took the first place. The old leader leads again and gives the others out anew.
        Assert.True(group.Settled(second.Pump!.TransferLeadershipAsync(first.Id)));
        group.Tick(1);
        Assert.Equal(first, group.Leader);
        Assert.False(lost[2].IsCompleted);
        Assert.IsType<Applied>(group.Put(first, session, 4, "k", "kept"));
        Assert.IsType<Unknown>(PumpGroup.Done(lost[2]).Result);
    }

    [Fact]
    public void When_the_pump_stops_an_open_write_is_unknown_and_one_never_proposed_is_rejected()
    {
        using var group = new PumpGroup(options: new() { MaxRequestsPerRound = 1 });
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        var hold = leader.Disk.HoldFlushes();
        var proposed = PumpGroup.Propose(leader, Writes.Put(session, 1, "k", "v"));
        leader.Scheduler.RunUntilIdle();
        var waiting = PumpGroup.Propose(leader, Writes.Put(session, 2, "k", "w"));
        var pump = leader.Pump!;
        PumpGroup.Crash(leader);
        hold.Dispose();

        Assert.IsType<Unknown>(PumpGroup.Done(proposed).Result);
        Assert.Equal(RejectionReason.NotReady, Assert.IsType<Rejected>(PumpGroup.Done(waiting).Result).Reason);

        // And after the end: refused at once, in words that send the caller elsewhere.
        var late = pump.ProposeAsync(Writes.Bytes("x"));
        Assert.Equal(RejectionReason.NotReady, Assert.IsType<Rejected>(PumpGroup.Done(late).Result).Reason);
        var lateRead = pump.ReadAsync(static _ => ValueTask.FromResult("served"), static rejected => rejected.Reason.ToString());
        Assert.Equal(nameof(RejectionReason.NotReady), PumpGroup.Done(lateRead));
        Assert.False(pump.TransferLeadershipAsync(group.Followers[0].Id).Result);
    }

    [Fact]
    public void A_write_that_a_snapshot_passed_over_is_unknown()
    {
        using var group = new PumpGroup(options: new() { CompactAfterBytes = 2_000, KeepEntries = 2 });
        var first = group.ElectLeader();
        var session = group.OpenSession(first);
        group.Network.CutOff.Add(first.Address.Datacenter);
        var open = PumpGroup.Propose(first, Writes.Put(session, 1, "k", "lost"));
        var second = group.ElectLeader();
        group.Tick(12, group.Replicas.Where(r => r != first));
        for (var i = 1UL; i <= 60; i++)
        {
            Assert.IsType<Applied>(group.Put(second, session, i, $"k{i}", new string('x', 100)));
        }

        group.Network.CutOff.Clear();
        group.Tick(10);
        Assert.Contains(group.Network.Sent, static p => p.Chunk is not null);
        Assert.IsType<Unknown>(PumpGroup.Done(open).Result);
    }

    [Fact]
    public void Leadership_moves_on_request_without_a_lost_write()
    {
        using var group = new PumpGroup();
        var first = group.ElectLeader();
        var session = group.OpenSession(first);
        var target = group.Followers[0];
        Assert.False(group.Settled(target.Pump!.TransferLeadershipAsync(first.Id)));
        Assert.True(group.Settled(first.Pump!.TransferLeadershipAsync(target.Id)));
        group.Tick(1);
        Assert.Equal(target, group.Leader);
        Assert.IsType<Applied>(group.Put(target, session, 1, "k", "v"));
    }

    [Fact]
    public void A_write_that_the_state_refuses_tells_the_revision_of_that_state_also_when_it_is_repeated()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        group.Put(leader, session, 1, "k", "v");
        var command = Writes.CompareAndSet(session, 2, "k", "other", "w");
        var first = Assert.IsType<Rejected>(group.Settled(PumpGroup.Propose(leader, command)).Result);
        Assert.Equal((RejectionReason.PreconditionFailed, new Revision(leader.Pump!.Status.Last.Value)), (first.Reason, first.Revision));
        var again = Assert.IsType<Rejected>(group.Settled(PumpGroup.Propose(leader, command)).Result);
        Assert.Equal(first, again);
        Assert.Null(Assert.IsType<Rejected>(group.Settled(PumpGroup.Propose(group.Followers[0], command)).Result).Revision);
    }

    [Fact]
    public void A_group_of_one_serves()
    {
        using var group = new PumpGroup(size: 1);
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        Assert.IsType<Applied>(group.Put(leader, session, 1, "k", "v"));
        Assert.Equal("v", group.ReadNow(leader, "k"));
        PumpGroup.Crash(leader);
        group.Start(leader);
        Assert.Equal("v", group.ReadNow(group.ElectLeader(), "k"));
    }
}
