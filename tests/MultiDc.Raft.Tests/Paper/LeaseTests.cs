using static MultiDc.Raft.Tests.Subject;

namespace MultiDc.Raft.Tests;

/// <summary>
/// Leader leases (§6.4.1) and the promise under them (§4.2.3). A tick lasts 100 ms here and T is 10 ticks, so a promise lasts 800 ms; clocks
/// may differ by a quarter, which leaves 640 ms of it to the leader.
/// </summary>
public sealed class LeaseTests
{
    private const int LeaseMs = 640;

    [Fact]
    public void S6_4_1_a_lease_runs_from_the_opening_of_a_round_that_a_quorum_has_answered()
    {
        var leader = Trusting();
        var round = Round(leader, 3000);
        Assert.True(leader.Node.LeaseHolds(Ms(2900 + LeaseMs - 1)));
        Assert.False(leader.Node.LeaseHolds(Ms(2900 + LeaseMs)));
        Answer(leader, 2, round, 3050);
        Assert.True(leader.Node.LeaseHolds(Ms(3000 + LeaseMs - 1)));
        Assert.False(leader.Node.LeaseHolds(Ms(3000 + LeaseMs)));
    }

    [Fact]
    public void S6_4_1_a_minority_is_not_enough()
    {
        var leader = Trusting(size: 5);
        var round = Round(leader, 4000);
        Answer(leader, 2, round, 4010);
        Assert.False(leader.Node.LeaseHolds(Ms(4010)));
        Answer(leader, 3, round, 4020);
        Assert.True(leader.Node.LeaseHolds(Ms(4020)));
    }

    [Fact]
    public void S4_3_a_lease_needs_both_halves_of_a_joint_configuration_and_no_learner_counts()
    {
        var joint = new GroupConfiguration([Id(1), Id(2), Id(3)]) { OutgoingVoters = [Id(1), Id(4), Id(5)], Learners = [Id(6), Id(7)] };
        ulong[] others = [2, 3, 4, 5, 6, 7];
        var leader = Elected(joint, others);
        Trust(leader, 0, [2, 3, 6, 7], withoutPromise: [4, 5]);
        Assert.False(leader.Node.LeaseHolds(Ms(2900)));

        leader = Elected(joint, others);
        Trust(leader, 0, [4, 5, 6, 7], withoutPromise: [2, 3]);
        Assert.False(leader.Node.LeaseHolds(Ms(2900)));

        leader = Elected(joint, others);
        Trust(leader, 0, [2, 4]);
        Assert.True(leader.Node.LeaseHolds(Ms(2900)));
    }

    [Fact]
    public void S4_2_2_a_leader_outside_its_own_configuration_has_no_lease()
    {
        var leader = Elected(new GroupConfiguration([Id(1), Id(2), Id(3)]), [2, 3]);
        leader.Tick();
        leader.Messages();
        leader.Step(leader.Heard(2, 2), leader.Heard(3, 2));
        Assert.True(leader.Node.ProposeConfiguration(
            [new ConfigurationChange(ConfigurationChangeKind.Remove, Id(1))], ConfigurationTransition.Auto).Accepted);
        leader.Messages();
        Trust(leader, 0, [2, 3]);
        Assert.Equal(RaftRole.Leader, leader.Node.Role);
        Assert.False(leader.Node.Configuration.IsVoter(Id(1)));
        Assert.False(leader.Node.LeaseHolds(Ms(2900)));
    }

    [Fact]
    public void S6_4_1_an_answer_to_an_earlier_round_proves_no_more_than_that()
    {
        var leader = Trusting();
        var first = Round(leader, 3000);
        Round(leader, 3300);
        Answer(leader, 2, first, 3310);
        Assert.False(leader.Node.LeaseHolds(Ms(3000 + LeaseMs)));

        // A copy of it says nothing about the next round.
        var next = Round(leader, 3400);
        Answer(leader, 2, first, 3410);
        Assert.False(leader.Node.LeaseHolds(Ms(3000 + LeaseMs)));
        Answer(leader, 2, next, 3420);
        Assert.True(leader.Node.LeaseHolds(Ms(3400 + LeaseMs - 1)));
    }

    [Fact]
    public void S6_4_there_is_no_lease_before_the_leader_committed_an_entry_of_its_term()
    {
        var leader = WithLease().Lead();
        Trust(leader, from: 0, ids: [2, 3]);
        Assert.False(leader.Node.LeaseHolds(Ms(2900)));
        leader.Step(leader.Accepted(2, 1));
        Assert.True(leader.Node.LeaseHolds(Ms(2900)));
    }

    [Fact]
    public void S3_10_there_is_no_lease_while_the_leadership_is_handed_over_and_none_after_the_target_was_told_for_the_rest_of_the_term()
    {
        var leader = Trusting();
        leader.Node.TransferLeadership(Id(3));
        Assert.Contains("1->3 TimeoutNowRequest term=1", leader.Said());
        Assert.False(leader.Node.LeaseHolds(Ms(2900)));

        // It is given up, but the message may still arrive.
        for (var ms = 3000; ms <= 5000; ms += 100)
        {
            var round = Round(leader, ms);
            Answer(leader, 2, round, ms + 10);
            Answer(leader, 3, round, ms + 20);
        }

        Assert.True(leader.Node.Propose("x"u8.ToArray()).Accepted);
        Assert.False(leader.Node.LeaseHolds(Ms(5000)));
    }

    [Fact]
    public void S3_10_a_transfer_that_ended_before_the_target_was_told_costs_the_lease_only_meanwhile()
    {
        var leader = Trusting();
        leader.Node.Propose("x"u8.ToArray());
        leader.Messages();
        leader.Node.TransferLeadership(Id(3));
        Assert.False(leader.Node.LeaseHolds(Ms(2900)));
        for (var ms = 3000; ms <= 4200; ms += 100)
        {
            Answer(leader, 2, Round(leader, ms), ms + 10);
        }

        Assert.True(leader.Node.LeaseHolds(Ms(4300)));
    }

    [Fact]
    public void S6_4_1_a_new_term_begins_without_a_lease()
    {
        var leader = Trusting();
        leader.Step(new VoteResponse(Id(2), Id(1), new Term(2), Granted: false));
        Assert.Equal(RaftRole.Follower, leader.Node.Role);
        Assert.False(leader.Node.LeaseHolds(Ms(2900)));
        leader.LeadCommitted();
        Assert.False(leader.Node.LeaseHolds(Ms(2900)));
    }

    [Fact]
    public void Followers_without_leases_do_not_count()
    {
        var leader = WithLease().LeadCommitted();
        for (var ms = 0; ms <= 2900; ms += 100)
        {
            var round = Round(leader, ms);
            leader.Step(leader.Heard(2, round), leader.Heard(3, round));
        }

        Assert.False(leader.Node.LeaseHolds(Ms(2900)));
    }

    [Fact]
    public void Without_the_option_there_is_no_lease_and_no_promise()
    {
        var subject = new Subject(size: 1);
        subject.Tick();
        subject.Messages();
        Assert.Equal(RaftRole.Leader, subject.Node.Role);
        Assert.False(subject.Node.LeaseHolds(Ms(0)));
        var follower = new Subject();
        Assert.Equal(["1->2 HeartbeatResponse term=1 round=1"], follower.Answer(new HeartbeatRequest(Id(2), Id(1), new Term(1), LogIndex.Zero, 1)));
    }

    [Fact]
    public void The_only_voter_needs_nobodys_promise()
    {
        var subject = WithLease(size: 1);
        subject.Tick();
        Assert.False(subject.Node.LeaseHolds(Ms(10)));
        subject.Messages();
        Assert.True(subject.Node.LeaseHolds(Ms(10)));
    }

    [Fact]
    public void A_follower_tells_its_clock_and_for_how_long_it_holds_its_vote()
    {
        var follower = WithLease();
        follower.Node.ObserveTime(Ms(12));
        Assert.Equal(
            ["1->2 HeartbeatResponse term=1 round=1 clock=12ms held=800ms"],
            follower.Answer(new HeartbeatRequest(Id(2), Id(1), new Term(1), LogIndex.Zero, 1)));
    }

    [Theory]
    [InlineData(1500, true)]
    [InlineData(2500, false)]
    public void A_follower_whose_clock_runs_too_fast_or_too_slow_does_not_count(int ratePermille, bool tooFast)
    {
        var rate = tooFast ? ratePermille : 1_000_000 / ratePermille;
        var leader = WithLease().LeadCommitted();
        for (var ms = 0; ms <= 5000; ms += 100)
        {
            Answer(leader, 2, Round(leader, ms), ms + 10, clock: ms * rate / 1000);
        }

        Assert.False(leader.Node.LeaseHolds(Ms(5010)));
    }

    [Fact]
    public void A_follower_whose_clock_jumped_counts_again_after_a_clean_window()
    {
        var leader = WithLease().LeadCommitted();
        Trust(leader, 0, [2]);
        Assert.True(leader.Node.LeaseHolds(Ms(2900)));
        Answer(leader, 2, Round(leader, 3000), 3010, clock: 8000);
        Assert.False(leader.Node.LeaseHolds(Ms(3010)));
        for (var ms = 3100; ms <= 4000; ms += 100)
        {
            Answer(leader, 2, Round(leader, ms), ms + 10, clock: ms + 5000);
            Assert.False(leader.Node.LeaseHolds(Ms(ms + 10)));
        }

        Answer(leader, 2, Round(leader, 4100), 4110, clock: 9100);
        Assert.True(leader.Node.LeaseHolds(Ms(4110)));
    }

    [Fact]
    public void A_leader_whose_own_clock_went_back_has_no_lease()
    {
        var leader = Trusting();
        Assert.True(leader.Node.LeaseHolds(Ms(2950)));
        Assert.False(leader.Node.LeaseHolds(Ms(2899)));
        leader.Node.ObserveTime(Ms(2000));
        Assert.False(leader.Node.LeaseHolds(Ms(2100)));
    }

    [Fact]
    public void S4_2_3_a_greater_term_that_is_heard_of_does_not_end_the_promise_to_a_leader()
    {
        // An answer to a pre-vote of long ago brings the greater term; the candidate of that term asks right after.
        var follower = new Subject();
        follower.Answer(new HeartbeatRequest(Id(2), Id(1), new Term(1), LogIndex.Zero, 1));
        follower.Step(new PreVoteResponse(Id(3), Id(1), new Term(2), Granted: false));
        Assert.Equal(new Term(2), follower.Node.Term);
        Assert.Equal(["1->3 VoteResponse term=2 refused"], follower.Answer(new VoteRequest(Id(3), Id(1), new Term(2), EntryId.Zero, false)));
        Assert.Equal(["1->3 PreVoteResponse term=2 refused"], follower.Answer(new PreVoteRequest(Id(3), Id(1), new Term(3), EntryId.Zero)));
        Assert.Empty(follower.Answer(new VoteRequest(Id(3), Id(1), new Term(3), EntryId.Zero, false)));
        follower.Tick(T - 1);
        Assert.Equal(["1->3 VoteResponse term=2 refused"], follower.Answer(new VoteRequest(Id(3), Id(1), new Term(2), EntryId.Zero, false)));
        follower.Tick();
        follower.Messages();
        Assert.Equal(["1->3 VoteResponse term=3 granted"], follower.Answer(new VoteRequest(Id(3), Id(1), new Term(3), EntryId.Zero, false)));
    }

    [Fact]
    public void S3_10_the_election_that_the_leader_asked_for_passes_by_the_promise()
    {
        var follower = new Subject();
        follower.Answer(new HeartbeatRequest(Id(2), Id(1), new Term(1), LogIndex.Zero, 1));
        Assert.Equal(["1->3 VoteResponse term=2 granted"], follower.Answer(new VoteRequest(Id(3), Id(1), new Term(2), EntryId.Zero, true)));
    }

    [Fact]
    public void A_replica_does_not_stand_while_its_promise_holds_the_vote_it_would_give_itself()
    {
        // Its election after a transfer is split at once, and the next try would come soon.
        var follower = new Subject(size: 5);
        follower.Answer(new HeartbeatRequest(Id(2), Id(1), new Term(1), LogIndex.Zero, 1));
        follower.Step(new TimeoutNowRequest(Id(2), Id(1), new Term(1)));
        foreach (var other in (ulong[])[2, 3, 4])
        {
            follower.Step(new VoteResponse(Id(other), Id(1), new Term(2), Granted: false));
        }

        follower.Messages();
        follower.Tick(T - 1);
        Assert.Empty(follower.Said());
        follower.Tick();
        Assert.Equal(RaftRole.PreCandidate, follower.Node.Role);
    }

    [Theory]
    [InlineData(0, 1000, 0, 1000)]
    [InlineData(100, 0, 0, 1000)]
    [InlineData(100, 1_000_000, 0, 1000)]
    [InlineData(100, 1000, -1, 1000)]
    [InlineData(100, 1000, 800, 1000)]
    [InlineData(100, 1000, 0, 0)]
    [InlineData(long.MaxValue / 1_000_000, 1000, 0, 1000)]
    public void Options_that_leave_nothing_of_a_lease_are_refused(long tickMs, int ppm, long marginMs, long windowMs) =>
        Assert.Throws<ArgumentException>(() => new Subject(options: same => same with
        {
            Lease = new LeaseOptions
            {
                TickNanoseconds = tickMs * 1_000_000,
                MaxDriftPpm = ppm,
                MarginNanoseconds = marginMs * 1_000_000,
                ClockWindowNanoseconds = windowMs * 1_000_000,
            },
        }));

    private static MonotonicTime Ms(long ms) => new(ms * 1_000_000);

    private static Subject WithLease(int size = 3) => new(size, options: same => same with
    {
        Lease = new LeaseOptions
        {
            TickNanoseconds = 100_000_000,
            MaxDriftPpm = 250_000,
            MarginNanoseconds = 0,
            ClockWindowNanoseconds = 1_000_000_000,
        },
    });

    /// <summary>A leader of the configuration that has committed an entry of its term.</summary>
    private static Subject Elected(GroupConfiguration configuration, ulong[] others)
    {
        var leader = WithLease();
        leader.Disk.Snapshot = new SnapshotMetadata(EntryId.Zero, configuration);
        leader.Restart();
        leader.Tick(T);
        foreach (var other in others)
        {
            leader.Step(new PreVoteResponse(Id(other), Id(1), new Term(1), Granted: true));
        }

        leader.Messages();
        foreach (var other in others)
        {
            leader.Step(new VoteResponse(Id(other), Id(1), new Term(1), Granted: true));
        }

        leader.Messages();
        foreach (var other in others)
        {
            leader.Step(leader.Accepted(other, 1));
        }

        leader.Messages();
        Assert.Equal((RaftRole.Leader, new LogIndex(1)), (leader.Node.Role, leader.Node.Commit));
        return leader;
    }

    /// <summary>A leader at 2900 ms whose followers' clocks have been seen to agree; the last round was opened then.</summary>
    private static Subject Trusting(int size = 3)
    {
        var leader = WithLease(size).LeadCommitted();
        Trust(leader, 0, [.. Enumerable.Range(2, size - 1).Select(id => (ulong)id)]);
        return leader;
    }

    private static void Trust(Subject leader, int from, ulong[] ids, params ulong[] withoutPromise)
    {
        for (var ms = from; ms <= from + 2900; ms += 100)
        {
            var round = Round(leader, ms);
            foreach (var id in ids)
            {
                Answer(leader, id, round, ms);
            }

            leader.Step([.. withoutPromise.Select(id => leader.Heard(id, round))]);
        }
    }

    /// <summary>A round of heartbeats opens at the time.</summary>
    private static ulong Round(Subject leader, int ms)
    {
        leader.Node.ObserveTime(Ms(ms));
        leader.Tick();
        return leader.Messages().OfType<HeartbeatRequest>().First().Round;
    }

    private static void Answer(Subject leader, ulong from, ulong round, int ms, int? clock = null)
    {
        leader.Node.ObserveTime(Ms(ms));
        leader.Step(leader.Heard(from, round) with { Promise = new LeasePromise(Ms(clock ?? ms), 800_000_000) });
        leader.Messages();
    }
}
