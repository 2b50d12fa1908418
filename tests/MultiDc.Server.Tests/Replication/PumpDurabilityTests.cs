using MultiDc.Raft;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Tests.Replication;

/// <summary>Persist, then speak, then apply and answer: what is not durable is not said, and what was said is durable.</summary>
public sealed class PumpDurabilityTests
{
    [Fact]
    public void No_vote_leaves_before_it_is_durable()
    {
        using var group = new PumpGroup();
        var voters = group.Replicas.Skip(1).ToArray();
        IDisposable[] holds = [.. voters.Select(static r => r.Disk.HoldFlushes())];
        group.Tick(20, group.Replicas[0]);
        Assert.Equal(RaftRole.Candidate, group.Replicas[0].Pump!.Status.Role);
        Assert.DoesNotContain(group.Network.Sent, static p => p.Message is VoteResponse);

        Release(holds, voters);
        group.Run();
        Assert.Equal(RaftRole.Leader, group.Replicas[0].Pump!.Status.Role);
        Assert.Contains(group.Network.Sent, static p => p.Message is VoteResponse { Granted: true });
    }

    [Fact]
    public void A_candidate_asks_for_no_vote_before_its_own_is_durable()
    {
        using var group = new PumpGroup();
        var candidate = group.Replicas[0];
        using (candidate.Disk.HoldFlushes())
        {
            group.Tick(20, candidate);
            Assert.Contains(group.Network.Sent, static p => p.Message is PreVoteRequest);
            Assert.DoesNotContain(group.Network.Sent, static p => p.Message is VoteRequest);
        }

        candidate.Scheduler.RunUntil(() => group.Network.Sent.Any(static p => p.Message is VoteRequest));
    }

    [Fact]
    public void No_append_is_acknowledged_before_it_is_durable_and_no_write_is_answered_before_a_majority_is()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        IDisposable[] holds = [.. group.Followers.Select(static r => r.Disk.HoldFlushes())];
        group.Network.Sent.Clear();

        var write = PumpGroup.Propose(leader, Writes.Put(session, 1, "k", "v"));
        group.Tick(3, leader);
        Assert.False(write.IsCompleted);
        Assert.DoesNotContain(group.Network.Sent, static p => p.Message is AppendAccepted);

        // One follower's flush makes two of three durable.
        var first = group.Followers[0];
        Release([holds[0]], [first]);
        Assert.IsType<Applied>(group.Settled(write).Result);
        Assert.All(group.Network.Sent.Where(static p => p.Message is AppendAccepted), p => Assert.Equal(first.Address.Datacenter, p.From));
        Release([holds[1]], [group.Followers[1]]);
    }

    [Fact]
    public void A_leader_does_not_count_itself_before_its_own_entry_is_durable()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        group.Network.CutOff.Add(group.Followers[0].Address.Datacenter);
        var hold = leader.Disk.HoldFlushes();
        var write = PumpGroup.Propose(leader, Writes.Put(session, 1, "k", "v"));
        group.Run();
        Assert.False(write.IsCompleted);
        hold.Dispose();
        leader.Scheduler.RunUntil(() => leader.Disk.PendingCount == 0 && !leader.Scheduler.IsIdle);
        Assert.IsType<Applied>(group.Settled(write).Result);
    }

    [Fact]
    public void A_leader_appends_while_it_writes_and_answers_only_when_it_has_written()
    {
        using var group = new PumpGroup(nodeOptions: new() { Id = default, ElectionTimeoutTicks = 10, HeartbeatTicks = 2, AppendWhilePersisting = true });
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        var hold = leader.Disk.HoldFlushes();
        group.Network.Sent.Clear();
        var write = PumpGroup.Propose(leader, Writes.Put(session, 1, "k", "v"));
        group.Run();

        // All others have the entry on their disks.
        Assert.Equal(2, group.Network.Sent.Count(static p => p.Message is AppendAccepted));
        Assert.False(write.IsCompleted);
        hold.Dispose();
        leader.Scheduler.RunUntil(() => leader.Disk.PendingCount == 0 && !leader.Scheduler.IsIdle);
        Assert.IsType<Applied>(group.Settled(write).Result);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_crash_with_the_flush_held_loses_nothing_that_was_acknowledged(int survivingWrites)
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        Assert.IsType<Applied>(group.Put(leader, session, 1, "acknowledged", "1"));

        IDisposable[] holds = [.. group.Replicas.Select(static r => r.Disk.HoldFlushes())];
        var open = PumpGroup.Propose(leader, Writes.Put(session, 2, "open", "2"));
        group.Run();
        foreach (var replica in group.Replicas)
        {
            PumpGroup.Crash(replica, survivingWrites);
        }

        foreach (var hold in holds)
        {
            hold.Dispose();
        }

        Assert.IsType<Unknown>(PumpGroup.Done(open).Result);
        RestartAll(group);
        leader = group.ElectLeader();
        Assert.Equal("1", group.ReadNow(leader, "acknowledged"));
        Assert.True(survivingWrites > 0 || group.ReadNow(leader, "open") is null, "what reached no disk cannot be there");
    }

    [Fact]
    public void A_restart_of_all_three_from_their_disks_keeps_every_acknowledged_write_and_every_session()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        WriteResult last = null!;
        for (var i = 1UL; i <= 50; i++)
        {
            Assert.IsType<Applied>(last = group.Put(leader, session, i, $"k{i}", $"v{i}"));
        }

        foreach (var replica in group.Replicas)
        {
            PumpGroup.Crash(replica);
        }

        RestartAll(group);
        leader = group.ElectLeader();
        for (var i = 1; i <= 50; i++)
        {
            Assert.Equal($"v{i}", group.ReadNow(leader, $"k{i}"));
        }

        Assert.Equal(last, group.Put(leader, session, 50, "k50", "a retry with other bytes changes nothing"));
        Assert.Equal("v50", group.ReadNow(leader, "k50"));
    }

    [Fact]
    public void A_restarted_replica_gives_no_vote_for_one_election_timeout()
    {
        using var group = new PumpGroup();
        group.ElectLeader();
        foreach (var replica in group.Replicas)
        {
            PumpGroup.Crash(replica);
        }

        RestartAll(group);
        group.Network.Sent.Clear();
        group.Tick(9);
        Assert.DoesNotContain(group.Network.Sent, static p => p.Message is VoteResponse { Granted: true } or VoteRequest or PreVoteResponse { Granted: true });
        group.ElectLeader();
    }

    private static void RestartAll(PumpGroup group)
    {
        foreach (var replica in group.Replicas)
        {
            group.Start(replica);
        }
    }

    private static void Release(IEnumerable<IDisposable> holds, IEnumerable<Replica> replicas)
    {
        foreach (var hold in holds)
        {
            hold.Dispose();
        }

        foreach (var replica in replicas)
        {
            replica.Scheduler.RunUntil(() => replica.Disk.PendingCount == 0 && !replica.Scheduler.IsIdle);
        }
    }
}
