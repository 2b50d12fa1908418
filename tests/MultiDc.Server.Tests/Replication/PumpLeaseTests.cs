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

    [Fact]
    public void A_read_under_a_lease_asks_nobody()
    {
        using var group = LeaderWithLease(out var leader);
        group.Network.Rule = static _ => Fate.Drop;
        group.Network.Sent.Clear();
        Assert.Equal("v", group.ReadNow(leader, "k"));
        Assert.Empty(group.Network.Sent);
    }

    [Fact]
    public void When_the_lease_has_run_out_a_quorum_is_asked()
    {
        using var group = LeaderWithLease(out var leader);
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
    [Fact]
    public void A_pause_while_the_state_is_read_is_noticed_before_the_answer_leaves()
    {
        using var group = LeaderWithLease(out var old);
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

    [Fact]
    public void A_zombie_serves_nothing_under_the_lease_it_still_holds()
    {
        using var group = LeaderWithLease(out var zombie);
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

    [Fact]
    public void Once_the_leadership_was_offered_to_another_a_quorum_is_asked_for_the_rest_of_the_term()
    {
        using var group = LeaderWithLease(out var leader);
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

    private static PumpGroup LeaderWithLease(out Replica leader)
    {
        var group = new PumpGroup(nodeOptions: WithLease);
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
