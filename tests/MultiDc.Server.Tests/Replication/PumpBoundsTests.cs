using System.Diagnostics.Metrics;
using MultiDc.Raft;
using MultiDc.Server.Replication;
using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Tests.Replication;

/// <summary>Every queue has an end and says so; every way to stop is told for what it is.</summary>
public sealed class PumpBoundsTests
{
    [Fact]
    public void Messages_beyond_the_bound_are_dropped_and_counted()
    {
        using var group = new PumpGroup(options: new() { MaxWaitingMessages = 3 });
        using var listener = new MeterListener();
        long dropped = 0;
        var measured = Environment.CurrentManagedThreadId;
        listener.InstrumentPublished = static (instrument, l) =>
        {
            if (instrument.Name == "multidc.replica.messages.dropped")
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => dropped += Environment.CurrentManagedThreadId == measured ? value : 0);
        listener.Start();

        var replica = group.Replicas[0];
        var message = new HeartbeatRequest(group.Replicas[1].Id, replica.Id, new(1), default, 1);
        bool[] taken = [.. Enumerable.Range(0, 5).Select(_ => replica.Pump!.TryDeliver(message))];
        Assert.Equal([true, true, true, false, false], taken);
        Assert.Equal(2, dropped);
        group.Run();
        Assert.True(replica.Pump!.TryDeliver(message));
    }

    [Fact]
    public void Requests_beyond_the_bound_are_refused_as_overloaded_and_messages_still_get_in()
    {
        using var group = new PumpGroup(options: new() { MaxWaitingRequests = 2 });
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        var writes = Enumerable.Range(1, 4).Select(i => PumpGroup.Propose(leader, Writes.Put(session, (ulong)i, "k", "v"))).ToArray();
        var read = PumpGroup.Read(leader, "k");
        Assert.Equal([false, false, true, true], writes.Select(static w => w.IsCompleted));
        Assert.All(writes[2..], static w => Assert.Equal(RejectionReason.Overloaded, Assert.IsType<Rejected>(PumpGroup.Done(w).Result).Reason));
        Assert.Equal("!Overloaded", PumpGroup.Done(read));
        Assert.True(leader.Pump!.TryDeliver(new HeartbeatResponse(group.Followers[0].Id, leader.Id, new(1), 0)));
        group.Run();
        Assert.All(writes[..2], static w => Assert.IsType<Applied>(PumpGroup.Done(w).Result));
    }

    [Fact]
    public void Whoever_is_refused_as_overloaded_is_told_when_to_come_again()
    {
        using var group = new PumpGroup(options: new() { MaxWaitingRequests = 1, RetryAfter = TimeSpan.FromMilliseconds(123) });
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        var writes = Enumerable.Range(1, 2).Select(i => PumpGroup.Propose(leader, Writes.Put(session, (ulong)i, "k", "v"))).ToArray();
        var read = leader.Pump!.ReadAsync(static _ => throw new InvalidOperationException("it is refused"), static rejected => rejected);
        Assert.Equal(123, Assert.IsType<Rejected>(PumpGroup.Done(writes[1]).Result).RetryAfter!.Value.TotalMilliseconds);
        Assert.Equal(123, PumpGroup.Done(read).RetryAfter!.Value.TotalMilliseconds);
        group.Run();
    }

    [Fact]
    public void What_waited_longer_than_its_caller_is_not_begun_any_more()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        var patience = TimeSpan.FromMilliseconds(800);
        var last = leader.Pump!.Status.Last;
        var late = leader.Pump.ProposeAsync(KeyValueCommandCodec.Encode(Writes.Put(session, 1, "k", "late")), patience);
        var lateRead = leader.Pump.ReadAsync(static _ => throw new InvalidOperationException("nobody waits for it"), static rejected => rejected, patience);
        leader.Time.Advance(patience);
        var inTime = leader.Pump.ProposeAsync(KeyValueCommandCodec.Encode(Writes.Put(session, 2, "k", "in time")), patience);
        group.Run();
        Assert.Equal(RejectionReason.Overloaded, Assert.IsType<Rejected>(PumpGroup.Done(late).Result).Reason);
        Assert.Equal(RejectionReason.Overloaded, PumpGroup.Done(lateRead).Reason);
        Assert.IsType<Applied>(PumpGroup.Done(inTime).Result);
        Assert.Equal(last.Value + 1, leader.Pump.Status.Last.Value);
    }

    [Fact]
    public void That_the_leaders_datacenter_is_missed_gets_in_when_requests_are_full()
    {
        using var group = new PumpGroup(options: new() { MaxWaitingRequests = 2 });
        group.ElectLeader();
        var follower = group.Followers[0];
        var reads = Enumerable.Range(1, 3).Select(_ => PumpGroup.Read(follower, "k")).ToArray();
        Assert.Equal("!Overloaded", PumpGroup.Done(reads[2]));
        follower.Pump!.Miss(group.Leader.Address.Datacenter);
        Assert.NotNull(follower.Pump.Status.Leader);
        group.Run();
        Assert.Null(follower.Pump.Status.Leader);
    }

    [Fact]
    public void A_round_takes_only_so_many_requests_and_the_rest_in_the_next()
    {
        using var group = new PumpGroup(options: new() { MaxRequestsPerRound = 2 });
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        var before = leader.Disk.FlushCount;
        var writes = Enumerable.Range(1, 6).Select(i => PumpGroup.Propose(leader, Writes.Put(session, (ulong)i, "k", $"{i}"))).ToArray();
        group.Run();
        Assert.All(writes, static w => Assert.IsType<Applied>(PumpGroup.Done(w).Result));
        Assert.Equal(3, leader.Disk.FlushCount - before);
    }

    [Fact]
    public void Writes_beyond_the_open_ones_are_refused()
    {
        using var group = new PumpGroup(options: new() { MaxOpenProposals = 2 });
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        group.Network.Rule = static p => p.Message is AppendAccepted ? Fate.Drop : Fate.Deliver;
        var writes = Enumerable.Range(1, 3).Select(i => PumpGroup.Propose(leader, Writes.Put(session, (ulong)i, "k", "v"))).ToArray();
        group.Run();
        Assert.Equal([false, false, true], writes.Select(static w => w.IsCompleted));
        Assert.Equal(RejectionReason.Overloaded, Assert.IsType<Rejected>(PumpGroup.Done(writes[2]).Result).Reason);
    }

    [Fact]
    public void A_deposed_leader_sends_callers_on_although_the_fate_of_its_writes_stays_open()
    {
        using var group = new PumpGroup(options: new() { MaxOpenProposals = 2 });
        var first = group.ElectLeader();
        var session = group.OpenSession(first);
        group.Network.CutOff.Add(first.Address.Datacenter);
        var open = Enumerable.Range(1, 2).Select(i => PumpGroup.Propose(first, Writes.Put(session, (ulong)i, "k", "v"))).ToArray();
        Assert.NotEqual(first, group.ElectLeader());

        // Removed from the group, it would never hear what became of them; whoever took its word for overload would ask it for ever.
        Assert.Equal(RejectionReason.NotLeader, Assert.IsType<Rejected>(group.Put(first, session, 3, "k", "v")).Reason);
        Assert.All(open, static write => Assert.False(write.IsCompleted));
    }

    [Fact]
    public void Bytes_beyond_the_uncommitted_ones_are_refused()
    {
        using var group = new PumpGroup(nodeOptions: new() { Id = default, ElectionTimeoutTicks = 10, HeartbeatTicks = 2, MaxUncommittedBytes = 1000 });
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        group.Network.Rule = static p => p.Message is AppendAccepted ? Fate.Drop : Fate.Deliver;
        var first = PumpGroup.Propose(leader, Writes.Put(session, 1, "k", new string('x', 800)));
        var second = PumpGroup.Propose(leader, Writes.Put(session, 2, "k", new string('x', 800)));
        group.Run();
        Assert.False(first.IsCompleted);
        Assert.Equal(RejectionReason.Overloaded, Assert.IsType<Rejected>(PumpGroup.Done(second).Result).Reason);
    }

    [Fact]
    public void Missed_ticks_count_once()
    {
        using var group = new PumpGroup();
        group.ElectLeader();
        var follower = group.Followers[0];
        for (var i = 0; i < 100; i++)
        {
            follower.Pump!.Tick();
        }

        group.Run();
        Assert.Equal(RaftRole.Follower, follower.Pump!.Status.Role);
    }

    [Fact]
    public void A_failed_flush_ends_the_pump_as_store_failed_and_what_it_was_about_is_unknown()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        leader.Disk.FailNextFlush();
        var write = PumpGroup.Propose(leader, Writes.Put(session, 1, "k", "v"));
        group.Network.Sent.Clear();
        group.Run();
        Assert.Equal(PumpStopReason.StoreFailed, PumpGroup.StopOf(leader).Reason);
        Assert.IsType<Unknown>(PumpGroup.Done(write).Result);
        Assert.DoesNotContain(group.Network.Sent, p => p.From == leader.Address.Datacenter);

        // Recovered from disk by a new opening, it takes part again.
        group.Start(leader);
        group.ElectLeader();
        Assert.IsType<Applied>(group.Put(group.Leader, session, 1, "k", "v"));
    }

    [Fact]
    public void A_full_disk_ends_the_pump_as_store_full_and_it_comes_back_when_there_is_space()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        leader.Disk.IsFull = true;
        var write = PumpGroup.Propose(leader, Writes.Put(session, 1, "k", "v"));
        group.Run();
        Assert.Equal(PumpStopReason.StoreFull, PumpGroup.StopOf(leader).Reason);
        Assert.IsType<Unknown>(PumpGroup.Done(write).Result);
        leader.Disk.IsFull = false;
        group.Start(leader);
        group.ElectLeader();
        Assert.IsType<Applied>(group.Put(group.Leader, session, 1, "k", "v"));
    }

    [Fact]
    public void The_impossible_breaks_the_pump()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var follower = group.Followers[0];
        follower.Pump!.TryDeliver(new HeartbeatRequest(leader.Id, follower.Id, leader.Pump!.Status.Term, new LogIndex(1000), 99));
        group.Run();
        var stop = PumpGroup.StopOf(follower);
        Assert.Equal(PumpStopReason.Broken, stop.Reason);
        Assert.Contains("a leader never counts on entries that its follower lost", stop.Detail);
    }

    [Fact]
    public void An_activation_that_was_replaced_is_fenced_and_no_alarm_when_it_meets_what_only_its_successor_did()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var follower = group.Followers[0];
        PumpGroup.Take(follower.Store.OpenAsync(follower.Name, null));
        follower.Pump!.TryDeliver(new HeartbeatRequest(leader.Id, follower.Id, leader.Pump!.Status.Term, new LogIndex(1000), 99));
        group.Run();
        Assert.Equal(PumpStopReason.Fenced, PumpGroup.StopOf(follower).Reason);
    }

    [Fact]
    public void A_request_that_fails_on_its_turn_is_answered_although_the_pump_ends()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var follower = group.Followers[0];
        PumpGroup.Take(follower.Store.OpenAsync(follower.Name, null));
        var request = new SnapshotRequest(leader.Id, follower.Id, leader.Pump!.Status.Term, new(new(new(1), new(50)), new([leader.Id])));
        var frame = new ReplicaFrame(leader.Address.Shard, leader.Address.Datacenter, leader.Disk.Identity.StoreId, 1, Guid.Empty, FrameMessages.Encode([request]));
        var chunk = follower.Pump!.TakeChunkAsync(request, new(frame, 0, false, []));
        group.Run();
        Assert.Equal(PumpStopReason.Fenced, PumpGroup.StopOf(follower).Reason);
        Assert.False(PumpGroup.Done(chunk).Accepted);
    }
}
