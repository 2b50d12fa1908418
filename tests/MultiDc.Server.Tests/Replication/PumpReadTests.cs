using MultiDc.Raft;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Tests.Replication;

public sealed class PumpReadTests
{
    [Fact]
    public void A_leader_that_is_cut_off_serves_no_read_and_refuses_when_it_steps_down()
    {
        using var group = new PumpGroup();
        var old = group.ElectLeader();
        var session = group.OpenSession(old);
        group.Put(old, session, 1, "k", "old");
        group.Network.CutOff.Add(old.Address.Datacenter);
        var read = PumpGroup.Read(old, "k");
        group.Run();
        Assert.False(read.IsCompleted);
        var next = group.ElectLeader();
        group.Put(next, session, 2, "k", "new");
        group.Tick(30, old);
        Assert.Equal("!NotLeader", PumpGroup.Done(read));
        Assert.Equal("new", group.ReadNow(next, "k"));
    }

    [Fact]
    public void Answers_to_an_earlier_round_of_heartbeats_confirm_no_later_read()
    {
        using var group = new PumpGroup();
        var old = group.ElectLeader();
        group.Network.Rule = static p => p.Message is HeartbeatResponse ? Fate.Hold : Fate.Deliver;
        group.Tick(4, old);
        Assert.True(group.Network.HeldCount > 0);
        group.Network.Rule = static p => p.Message is HeartbeatRequest ? Fate.Drop : Fate.Deliver;
        var read = PumpGroup.Read(old, "k");
        group.Network.Release();
        group.Run();
        Assert.False(read.IsCompleted);
        group.Network.Rule = static _ => Fate.Deliver;
        group.Tick(3, old);
        Assert.Null(PumpGroup.Done(read));
    }

    [Fact]
    public void A_read_before_the_term_is_committed_is_held_and_then_served_without_another_tick()
    {
        using var group = new PumpGroup();
        var session = group.OpenSession(group.ElectLeader());
        group.Put(group.Leader, session, 1, "k", "v");

        // The new leader's first entry does not get through yet.
        var target = group.Followers[0];
        group.Network.Rule = static p => p.Message is AppendRequest ? Fate.Hold : Fate.Deliver;
        Assert.True(group.Settled(group.Leader.Pump!.TransferLeadershipAsync(target.Id)));
        Assert.Equal(target, group.Leader);
        var read = PumpGroup.Read(target, "k");
        group.Run();
        Assert.False(read.IsCompleted);

        group.Network.Rule = static _ => Fate.Deliver;
        group.Network.Release();
        Assert.Equal("v", group.Settled(read));
    }

    [Fact]
    public void Held_reads_are_refused_when_the_leadership_is_lost_and_bounded_before()
    {
        using var group = new PumpGroup(options: new() { MaxHeldReads = 3 });
        group.ElectLeader();
        var target = group.Followers[0];
        group.Network.Rule = static p => p.Message is AppendRequest ? Fate.Drop : Fate.Deliver;
        group.Settled(group.Leader.Pump!.TransferLeadershipAsync(target.Id));
        Task<string?>[] reads = [.. Enumerable.Range(0, 5).Select(_ => PumpGroup.Read(target, "k"))];
        group.Run();
        Assert.Equal(2, reads.Count(static r => r.IsCompleted));
        Assert.All(reads.Where(static r => r.IsCompleted), static r => Assert.Equal("!Overloaded", r.Result));
        group.Network.CutOff.Add(target.Address.Datacenter);
        group.Tick(30, target);
        Assert.Equal(3, reads.Count(static r => r is { IsCompleted: true, Result: "!NotLeader" }));
    }

    [Fact]
    public void A_read_that_is_confirmed_after_the_store_was_opened_again_is_not_served()
    {
        using var group = new PumpGroup();
        var zombie = group.ElectLeader();
        var session = group.OpenSession(zombie);
        group.Put(zombie, session, 1, "k", "old");
        group.Network.Rule = static p => p.Message is HeartbeatResponse ? Fate.Hold : Fate.Deliver;
        var read = PumpGroup.Read(zombie, "k");

        // One that asks the store for nothing, so that no check but the pump's own can stop it.
        var bare = zombie.Pump!.ReadAsync(static _ => ValueTask.FromResult("served"), static rejected => $"!{rejected.Reason}");
        group.Run();
        Assert.False(read.IsCompleted || bare.IsCompleted);

        PumpGroup.Take(zombie.Store.OpenAsync(zombie.Name, null));
        group.Network.Rule = static _ => Fate.Deliver;
        group.Network.Release();
        group.Run();
        Assert.Equal(PumpStopReason.Fenced, PumpGroup.StopOf(zombie).Reason);
        Assert.Equal("!NotReady", PumpGroup.Done(read));
        Assert.Equal("!NotReady", PumpGroup.Done(bare));
    }

    [Fact]
    public void A_second_opening_takes_over_and_the_first_serves_nothing_more()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        group.Put(leader, session, 1, "k", "v");
        var zombie = leader.Pump!;
        var second = PumpGroup.Take(leader.Store.OpenAsync(leader.Name, null))!;
        var write = PumpGroup.Propose(leader, Writes.Put(session, 2, "k", "w"));
        group.Run();
        Assert.Equal(PumpStopReason.Fenced, PumpGroup.StopOf(leader).Reason);
        Assert.IsType<Unknown>(PumpGroup.Done(write).Result);
        Assert.Equal(PumpStopReason.Fenced, zombie.Completion.Result.Reason);

        group.StartPump(leader, second);
        group.ElectLeader();
        Assert.IsType<Applied>(group.Put(group.Leader, session, 2, "k", "w"));
    }

    [Fact]
    public void A_leader_without_traffic_learns_by_ticks_that_it_is_fenced()
    {
        using var group = new PumpGroup(size: 1);
        var leader = group.ElectLeader();
        PumpGroup.Take(leader.Store.OpenAsync(leader.Name, null));
        group.Run();
        Assert.False(leader.Pump!.Completion.IsCompleted);
        group.Tick(10);
        Assert.Equal(PumpStopReason.Fenced, PumpGroup.StopOf(leader).Reason);
    }

    [Fact]
    public void Reads_wait_for_what_was_committed_before_them()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        for (var i = 1UL; i <= 20; i++)
        {
            var write = PumpGroup.Propose(leader, Writes.Put(session, i, "k", $"{i}"));
            group.Run();
            Assert.IsType<Applied>(PumpGroup.Done(write).Result);
            Assert.Equal($"{i}", group.ReadNow(leader, "k"));
        }
    }
}
