using MultiDc.Raft;
using MultiDc.Server.Replication;
using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Tests.Replication;

/// <summary>Reads under a leader lease (dissertation §6.4.1). A tick lasts 50 ms on every clock; a promise lasts 400 ms, and a lease 390 ms of it.</summary>
public sealed class PumpLeaseTests
{
    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(50);

    private static readonly RaftNodeOptions WithLease = new()
    {
        Id = default,
        ElectionTimeoutTicks = 10,
        HeartbeatTicks = 2,
        Lease = new() { TickNanoseconds = 50_000_000, MaxDriftPpm = 10_000, MarginNanoseconds = 6_000_000, ClockWindowNanoseconds = 500_000_000 },
    };

    [Theory, InlineData(true), InlineData(false)]
    public void A_read_under_a_lease_asks_nobody(bool canBeReadAnywhere)
    {
        using var group = LeaderWithLease(out var leader, canBeReadAnywhere);
        group.Network.Rule = static _ => Fate.Drop;
        group.Network.Sent.Clear();
        Assert.Equal("v", group.ReadNow(leader, "k"));
        Assert.Empty(group.Network.Sent);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void When_the_lease_has_run_out_a_quorum_is_asked(bool canBeReadAnywhere)
    {
        using var group = LeaderWithLease(out var leader, canBeReadAnywhere);
        group.Network.Rule = static _ => Fate.Drop;
        leader.Time.Advance(TimeSpan.FromMilliseconds(389));
        Assert.Equal("v", group.ReadNow(leader, "k"));
        leader.Time.Advance(TimeSpan.FromMilliseconds(101));
        var read = PumpGroup.Read(leader, "k");
        group.Run();
        Assert.False(read.IsCompleted);
        group.Network.Rule = static _ => Fate.Deliver;
        group.Tick(2, leader);
        Assert.Equal("v", PumpGroup.Done(read));
    }

    /// <summary>etcd 20418: the leader was paused between the check of its lease and its answer, and another was elected meanwhile.</summary>
    [Theory, InlineData(true), InlineData(false)]
    public void A_pause_while_the_state_is_read_is_noticed_before_the_answer_leaves(bool canBeReadAnywhere)
    {
        using var group = LeaderWithLease(out var old, canBeReadAnywhere);
        group.Network.CutOff.Add(old.Address.Datacenter);
        var reads = 0;
        var read = old.Pump!.ReadAsync<string?>(
            async state =>
            {
                var entry = await KeyValueReader.GetAsync(state, Writes.Bytes("k"));
                if (reads++ == 0)
                {
                    old.Time.Advance(TimeSpan.FromSeconds(60));
                }

                return Writes.Text(entry!.Value);
            },
            static rejected => $"!{rejected.Reason}");
        group.Run();
        Assert.Equal(1, reads);
        Assert.False(read.IsCompleted);
        var next = group.ElectLeader();
        Assert.NotEqual(old, next);
        group.Tick(30, old);
        Assert.Equal("!NotLeader", PumpGroup.Done(read));
    }

    [Theory, InlineData(true), InlineData(false)]
    public void A_zombie_serves_nothing_under_the_lease_it_still_holds(bool canBeReadAnywhere)
    {
        using var group = LeaderWithLease(out var zombie, canBeReadAnywhere);
        PumpGroup.Take(zombie.Store.OpenAsync(zombie.Name, null));
        var bare = zombie.Pump!.ReadAsync(static _ => ValueTask.FromResult("served"), static rejected => $"!{rejected.Reason}");
        group.Run();
        Assert.Equal(PumpStopReason.Fenced, PumpGroup.StopOf(zombie).Reason);
        Assert.Equal("!NotReady", PumpGroup.Done(bare));
    }

    [Fact]
    public void A_follower_that_was_replaced_gives_no_promise_and_confirms_no_round_any_more()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var zombie = group.Followers[0];
        group.Network.CutOff.Add(group.Followers[1].Address.Datacenter);
        Assert.Null(group.ReadNow(leader, "k"));

        PumpGroup.Take(zombie.Store.OpenAsync(zombie.Name, null));
        var read = PumpGroup.Read(leader, "k");
        group.Run();
        Assert.False(read.IsCompleted);
        Assert.Equal(PumpStopReason.Fenced, PumpGroup.StopOf(zombie).Reason);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Once_the_leadership_was_offered_to_another_a_quorum_is_asked_for_the_rest_of_the_term(bool canBeReadAnywhere)
    {
        using var group = LeaderWithLease(out var leader, canBeReadAnywhere);
        var target = group.Followers[0];
        group.Network.Rule = p => p.Message is TimeoutNowRequest ? Fate.Drop : Fate.Deliver;
        Assert.True(group.Settled(leader.Pump!.TransferLeadershipAsync(target.Id)));
        TickWithClocks(group, 20);
        Assert.Equal(leader, group.Leader);
        group.Network.Sent.Clear();
        Assert.Equal("v", group.ReadNow(leader, "k"));
        Assert.NotEmpty(group.Network.Sent);
    }

    [Fact]
    public void Without_the_option_every_read_asks_a_quorum()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        TickWithClocks(group, 30);
        group.Network.Sent.Clear();
        Assert.Null(group.ReadNow(leader, "k"));
        Assert.NotEmpty(group.Network.Sent);
    }

    [Fact]
    public void A_store_that_can_be_read_anywhere_is_read_without_a_turn_of_the_pump()
    {
        using var group = LeaderWithLease(out var leader);
        Assert.True(leader.Scheduler.IsIdle);
        Assert.Equal("v", PumpGroup.Done(PumpGroup.Read(leader, "k")));
        Assert.True(leader.Scheduler.IsIdle);
        leader.Time.Advance(TimeSpan.FromMilliseconds(391));
        Assert.False(PumpGroup.Read(leader, "k").IsCompleted);
    }

    /// <summary>A follower that has heard of the commit may have shown the new value to a linearizable reader already.</summary>
    [Fact]
    public void What_others_may_have_heard_is_committed_is_not_left_out_of_a_read_without_a_turn()
    {
        using var group = LeaderWithLease(out var leader);
        var session = group.OpenSession(leader);
        var told = 0;
        var stale = new List<string>();
        group.Network.Sending = message =>
        {
            // As the message leaves, whoever reads here must get what the message calls committed, or wait.
            if (message.From == leader.Id && CommitOf(message) > leader.Storage!.State.Applied)
            {
                told++;
                if (PumpGroup.Read(leader, "k") is { IsCompleted: true } read)
                {
                    stale.Add($"{read.Result} at {leader.Storage.State.Applied}, told {CommitOf(message)}");
                }
            }
        };
        for (ulong i = 1; i <= 5; i++)
        {
            Assert.IsType<Applied>(group.Put(leader, session, i, "k", $"v{i}"));
        }

        Assert.NotEqual(0, told);
        Assert.Empty(stale);
    }

    [Fact]
    public void The_lease_is_taken_back_before_another_is_asked_to_stand_for_election()
    {
        using var group = LeaderWithLease(out var leader);
        var readWhileOffered = new List<Task<string?>>();
        group.Network.Sending = message =>
        {
            if (message is TimeoutNowRequest)
            {
                readWhileOffered.Add(PumpGroup.Read(leader, "k"));
                Assert.False(readWhileOffered[^1].IsCompleted);
            }
        };
        Assert.True(group.Settled(leader.Pump!.TransferLeadershipAsync(group.Followers[0].Id)));
        Assert.NotEmpty(readWhileOffered);
    }

    /// <summary>Who watches from the revision of a read would miss what was applied after the value was read.</summary>
    [Fact]
    public void A_read_during_which_something_was_applied_is_made_again()
    {
        using var group = LeaderWithLease(out var leader);
        var session = group.OpenSession(leader);
        var reads = 0;
        var read = leader.Pump!.ReadAsync(
            async state =>
            {
                var entry = await KeyValueReader.GetAsync(state, Writes.Bytes("k"));
                if (reads++ == 0)
                {
                    Assert.IsType<Applied>(group.Put(leader, session, 1, "k", "later"));
                }

                return (Writes.Text(entry!.Value), entry.ModifyRevision.Value, state.Applied.Value);
            },
            static rejected => ($"!{rejected.Reason}", 0UL, 0UL));
        var (value, modified, applied) = group.Settled(read);
        Assert.Equal((2, "later", applied), (reads, value, modified));
    }

    [Fact]
    public void A_leader_that_is_only_read_does_not_fall_silent()
    {
        using var group = LeaderWithLease(out var leader, nodeOptions: WithLease with { QuiesceAfterTicks = 60 });
        for (var i = 0; i < 200; i++)
        {
            TickWithClocks(group, 1);
            Assert.Equal("v", PumpGroup.Done(PumpGroup.Read(leader, "k")));
        }

        Assert.False(leader.Pump!.IsQuiesced);
        TickWithClocks(group, 200);
        Assert.True(leader.Pump!.IsQuiesced);
        Assert.Equal("v", group.ReadNow(leader, "k"));
    }

    private static LogIndex? CommitOf(RaftMessage message) => message switch
    {
        AppendRequest append => append.Commit,
        HeartbeatRequest heartbeat => heartbeat.Commit,
        _ => null,
    };

    private static PumpGroup LeaderWithLease(out Replica leader, bool canBeReadAnywhere = true, RaftNodeOptions? nodeOptions = null)
    {
        var group = new PumpGroup(nodeOptions: nodeOptions ?? WithLease, canBeReadAnywhere: canBeReadAnywhere);
        leader = group.ElectLeader();
        group.Put(leader, group.OpenSession(leader), 1, "k", "v");
        TickWithClocks(group, 21);

        // A round is opened and answered just now.
        while (!group.Network.Sent.Any(static p => p.Message is HeartbeatRequest))
        {
            group.Network.Sent.Clear();
            TickWithClocks(group, 1);
        }

        group.Network.Sent.Clear();
        do
        {
            TickWithClocks(group, 1);
        }
        while (!group.Network.Sent.Any(static p => p.Message is HeartbeatRequest));
        return group;
    }

    private static void TickWithClocks(PumpGroup group, int times)
    {
        for (var i = 0; i < times; i++)
        {
            foreach (var replica in group.Replicas)
            {
                replica.Time.Advance(TickInterval);
            }

            group.Tick(1);
        }
    }
}
