using static MultiDc.Raft.Tests.Subject;

namespace MultiDc.Raft.Tests;

/// <summary>One test per rule; sections are those of Ongaro's dissertation.</summary>
public sealed class ElectionTests
{
    [Fact]
    public void S3_3_a_replica_takes_over_a_greater_term()
    {
        var subject = new Subject();
        Assert.Equal(["1->2 AppendAccepted term=5 match=0"], subject.Answer(Append(2, 5, EntryId.Zero, "")));
        Assert.Equal(new Term(5), subject.Disk.HardState.Term);
    }

    [Fact]
    public void S3_3_a_leader_or_candidate_that_sees_a_greater_term_becomes_a_follower()
    {
        var leader = new Subject().LeadCommitted();
        leader.Step(new AppendAccepted(Id(2), Id(1), new Term(9), LogIndex.Zero));
        Assert.Equal((RaftRole.Follower, new Term(9)), (leader.Node.Role, leader.Node.Term));

        var candidate = Candidate();
        candidate.Step(new VoteResponse(Id(2), Id(1), new Term(9), Granted: false));
        Assert.Equal((RaftRole.Follower, new Term(9)), (candidate.Node.Role, candidate.Node.Term));
    }

    [Fact]
    public void S3_3_requests_of_an_earlier_term_are_refused_and_their_sender_learns_the_term()
    {
        var subject = new Subject(term: 5, log: "5/1");
        subject.Tick(T);
        Assert.Equal(["1->2 VoteResponse term=5 refused"], subject.Answer(new VoteRequest(Id(2), Id(1), new Term(4), At(4, 9), true)));
        Assert.Equal(["1->2 PreVoteResponse term=5 refused"], subject.Answer(new PreVoteRequest(Id(2), Id(1), new Term(5), At(5, 9))));
        Assert.Equal(["1->2 HeartbeatResponse term=5 round=0"], subject.Answer(Append(2, 4, At(5, 1), "")));
        Assert.Equal(["1->2 HeartbeatResponse term=5 round=0"], subject.Answer(new HeartbeatRequest(Id(2), Id(1), new Term(4), LogIndex.Zero, 7)));
        Assert.Equal(
            ["1->2 HeartbeatResponse term=5 round=0"],
            subject.Answer(new SnapshotRequest(Id(2), Id(1), new Term(4), new SnapshotMetadata(At(4, 9), subject.Node.Configuration))));
        Assert.Empty(subject.Answer(new TimeoutNowRequest(Id(2), Id(1), new Term(4))));
        Assert.Empty(subject.Answer(new AppendAccepted(Id(2), Id(1), new Term(4), new LogIndex(1))));
        Assert.Equal("5/1", subject.Log);
    }

    [Fact]
    public void S3_3_the_answer_to_an_earlier_term_confirms_nothing_to_who_leads_the_present_one()
    {
        var leader = new Subject().LeadCommitted();
        leader.Node.ReadIndex(new ReadRequestId(1));
        leader.Messages();
        leader.Step(leader.Heard(2, 0), leader.Heard(3, 0));
        Assert.False(leader.Node.TryGetReady(out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void Uneventful_ticks_of_a_follower_are_those_before_the_one_in_which_it_campaigns(int ticksBefore)
    {
        var subject = new Subject();
        subject.Tick(ticksBefore);
        Assert.Equal(T - 1 - ticksBefore, subject.Node.UneventfulTicks);
        subject.Tick(subject.Node.UneventfulTicks);
        Assert.Equal((0, RaftRole.Follower), (subject.Node.UneventfulTicks, subject.Node.Role));
        Assert.Empty(subject.Said());
        subject.Tick();
        Assert.Equal((0, RaftRole.PreCandidate), (subject.Node.UneventfulTicks, subject.Node.Role));
    }

    [Fact]
    public void Nobody_but_a_follower_has_uneventful_ticks()
    {
        Assert.Equal(0, Candidate().Node.UneventfulTicks);
        Assert.Equal(0, new Subject().LeadCommitted().Node.UneventfulTicks);
        Assert.Equal(0, new Subject(size: 1).Node.UneventfulTicks);
    }

    [Fact]
    public void S3_4_a_replica_starts_as_follower_and_asks_for_votes_after_the_election_timeout()
    {
        var subject = new Subject();
        subject.Tick(T - 1);
        Assert.Equal(RaftRole.Follower, subject.Node.Role);
        subject.Tick();
        Assert.Equal(RaftRole.PreCandidate, subject.Node.Role);
        Assert.Equal(["1->2 PreVoteRequest term=1 last=0/0", "1->3 PreVoteRequest term=1 last=0/0"], subject.Said());
    }

    [Fact]
    public void S3_4_a_candidate_raises_its_term_votes_for_itself_and_asks_the_others_once_that_is_durable()
    {
        var subject = Candidate();
        Assert.True(subject.Node.TryGetReady(out var ready));
        Assert.Equal(new HardState(new Term(1), Id(1), LogIndex.Zero), ready.HardState);
        Assert.Equal(2, ready.MessagesAfterPersist.Count(message => message is VoteRequest { Term.Value: 1 }));
    }

    [Fact]
    public void S3_4_election_timeouts_spread_over_T_to_2T_and_are_drawn_anew()
    {
        const int subjects = 50;
        var seen = new SortedSet<int>();
        var drewAnew = 0;
        for (var seed = 0UL; seed < subjects; seed++)
        {
            var subject = new Subject(random: new SeededRandomSource(seed));
            var own = new SortedSet<int>();
            for (var again = 0; again < 4; again++)
            {
                var ticks = 0;
                while (subject.Node.Role == RaftRole.Follower)
                {
                    subject.Tick();
                    ticks++;
                }

                Assert.InRange(ticks, T, (2 * T) - 1);
                seen.Add(ticks);
                own.Add(ticks);
                subject.Step(new HeartbeatRequest(Id(2), Id(1), new Term(1), LogIndex.Zero, 1));
            }

            drewAnew += own.Count > 1 ? 1 : 0;
        }

        Assert.Equal(T, seen.Count);
        Assert.InRange(drewAnew, subjects - 3, subjects);
    }

    [Fact]
    public void S3_4_a_follower_that_hears_its_leader_does_not_campaign()
    {
        var subject = new Subject();
        for (var i = 0; i < 5; i++)
        {
            subject.Tick(T - 1);
            subject.Step(new HeartbeatRequest(Id(2), Id(1), new Term(1), LogIndex.Zero, 1));
        }

        Assert.Equal((RaftRole.Follower, Id(2)), (subject.Node.Role, subject.Node.Leader));
    }

    [Fact]
    public void S3_4_one_vote_per_term_first_come_first_served_also_after_a_restart()
    {
        var subject = new Subject();
        Assert.Equal(["1->2 VoteResponse term=1 granted"], subject.Answer(Vote(2, 1)));
        Assert.Equal(["1->3 VoteResponse term=1 refused"], subject.Answer(Vote(3, 1)));
        Assert.Equal(["1->2 VoteResponse term=1 granted"], subject.Answer(Vote(2, 1)));
        subject.Restart();
        subject.Tick(T);
        subject.Messages();
        Assert.Equal(["1->3 VoteResponse term=1 refused"], subject.Answer(Vote(3, 1)));
        Assert.Equal(["1->2 VoteResponse term=1 granted"], subject.Answer(Vote(2, 1)));
    }

    [Fact]
    public void S3_8_a_vote_in_a_term_that_was_durable_before_is_durable_before_it_is_told()
    {
        var subject = new Subject();
        subject.Answer(new AppendAccepted(Id(2), Id(1), new Term(5), LogIndex.Zero));
        Assert.Equal(new HardState(new Term(5), ReplicaId.None, LogIndex.Zero), subject.Disk.HardState);
        subject.Step(Vote(2, 5));
        Assert.True(subject.Node.TryGetReady(out var ready));
        Assert.Equal(new HardState(new Term(5), Id(2), LogIndex.Zero), ready.HardState);
        Assert.Equal("1->2 VoteResponse term=5 granted", Conversation.Of(Assert.Single(ready.MessagesAfterPersist)));
    }

    [Theory]
    [InlineData(1, 0, 0, RaftRole.Leader)]
    [InlineData(3, 0, 1, RaftRole.Candidate)]
    [InlineData(3, 1, 0, RaftRole.Leader)]
    [InlineData(3, 0, 2, RaftRole.Follower)]
    [InlineData(4, 1, 1, RaftRole.Candidate)]
    [InlineData(4, 1, 2, RaftRole.Follower)]
    [InlineData(4, 2, 0, RaftRole.Leader)]
    [InlineData(5, 1, 2, RaftRole.Candidate)]
    [InlineData(5, 2, 0, RaftRole.Leader)]
    [InlineData(5, 1, 3, RaftRole.Follower)]
    public void S3_4_a_majority_of_the_whole_group_elects_and_a_majority_of_refusals_ends_it(int size, int granted, int refused, RaftRole then)
    {
        var subject = Candidate(size);
        subject.Messages();
        for (var i = 0; i < granted + refused; i++)
        {
            subject.Step(new VoteResponse(Id((ulong)i + 2), Id(1), subject.Node.Term, i < granted));
        }

        Assert.Equal(then, subject.Node.Role);
    }

    [Fact]
    public void S3_4_the_same_vote_twice_is_one_vote_and_votes_of_strangers_or_other_terms_are_none()
    {
        var subject = Candidate(size: 5);
        subject.Step(
            new VoteResponse(Id(2), Id(1), new Term(1), true),
            new VoteResponse(Id(2), Id(1), new Term(1), true),
            new VoteResponse(Id(9), Id(1), new Term(1), true),
            new VoteResponse(Id(3), Id(1), new Term(0), true),
            new VoteResponse(Id(3), Id(4), new Term(1), true));
        Assert.Equal(RaftRole.Candidate, subject.Node.Role);
    }

    [Fact]
    public void S3_4_a_candidate_gives_way_to_the_leader_of_its_term_but_not_to_one_of_an_earlier_term()
    {
        var subject = Candidate();
        subject.Step(new HeartbeatRequest(Id(2), Id(1), new Term(0), LogIndex.Zero, 1));
        Assert.Equal(RaftRole.Candidate, subject.Node.Role);
        subject.Step(Append(2, 1, EntryId.Zero, ""));
        Assert.Equal((RaftRole.Follower, Id(2)), (subject.Node.Role, subject.Node.Leader));
    }

    [Fact]
    public void S3_4_two_leaders_in_one_term_are_impossible_and_stop_the_replica()
    {
        var leader = new Subject().LeadCommitted();
        Assert.Throws<RaftInvariantException>(() => leader.Step(new HeartbeatRequest(Id(2), Id(1), leader.Node.Term, LogIndex.Zero, 1)));
    }

    [Fact]
    public void S3_4_a_lost_election_is_followed_by_another_within_half_a_timeout_and_an_undecided_one_within_a_timeout()
    {
        for (var seed = 0UL; seed < 50; seed++)
        {
            var lost = Candidate(random: new SeededRandomSource(seed));
            lost.Step(new VoteResponse(Id(2), Id(1), new Term(1), false), new VoteResponse(Id(3), Id(1), new Term(1), false));
            Assert.InRange(TicksUntil(lost, () => lost.Node.Role == RaftRole.PreCandidate), 1, T / 2);

            var undecided = Candidate(random: new SeededRandomSource(seed));
            undecided.Messages();
            Assert.InRange(TicksUntil(undecided, () => undecided.Node.Role == RaftRole.PreCandidate), T / 2, T - 1);
        }
    }

    [Theory]
    [InlineData("", 1, 1, true)]
    [InlineData("1/1", 1, 1, true)]
    [InlineData("1/1", 1, 2, true)]
    [InlineData("1/1 1/2", 1, 1, false)]
    [InlineData("1/1 1/2", 2, 1, true)]
    [InlineData("2/1", 1, 2, false)]
    public void S3_6_1_no_vote_and_no_pre_vote_for_a_log_that_is_less_up_to_date(string log, ulong lastTerm, ulong lastIndex, bool granted)
    {
        var subject = new Subject(term: 2, log: log);
        subject.Tick(T);
        subject.Messages();
        var last = At(lastTerm, lastIndex);
        Assert.Equal(
            [granted ? "1->2 PreVoteResponse term=3 granted" : "1->2 PreVoteResponse term=2 refused"],
            subject.Answer(new PreVoteRequest(Id(2), Id(1), new Term(3), last)));
        Assert.Equal(
            [$"1->2 VoteResponse term=3 {(granted ? "granted" : "refused")}"],
            subject.Answer(new VoteRequest(Id(2), Id(1), new Term(3), last, LeadershipTransfer: false)));
    }

    [Fact]
    public void S4_2_3_who_heard_a_leader_within_T_gives_no_vote_and_does_not_take_the_term()
    {
        var subject = new Subject();
        subject.Step(new HeartbeatRequest(Id(2), Id(1), new Term(1), LogIndex.Zero, 1));
        subject.Tick(T - 1);
        Assert.Empty(subject.Answer(Vote(3, 7)));
        Assert.Equal(["1->3 PreVoteResponse term=1 refused"], subject.Answer(new PreVoteRequest(Id(3), Id(1), new Term(7), At(1, 1))));
        Assert.Equal(new Term(1), subject.Node.Term);
        Assert.Equal(["1->3 VoteResponse term=7 granted"], subject.Answer(Vote(3, 7, transfer: true)));
    }

    [Fact]
    public void S4_2_3_a_leader_gives_no_vote_either_unless_it_asked_for_the_election()
    {
        var leader = new Subject().LeadCommitted();
        Assert.Empty(leader.Answer(Vote(3, 7)));
        Assert.Equal(RaftRole.Leader, leader.Node.Role);
        Assert.Equal(["1->3 VoteResponse term=7 granted"], leader.Answer(Vote(3, 7, transfer: true)));
    }

    [Fact]
    public void S4_2_3_after_T_without_its_leader_it_votes_again()
    {
        var subject = new Subject(random: new Longest());
        subject.Step(new HeartbeatRequest(Id(2), Id(1), new Term(1), LogIndex.Zero, 1));
        subject.Tick(T);
        Assert.Equal(["1->3 PreVoteResponse term=7 granted"], subject.Answer(new PreVoteRequest(Id(3), Id(1), new Term(7), At(1, 1))));
        Assert.Equal(["1->3 VoteResponse term=7 granted"], subject.Answer(Vote(3, 7)));
    }

    [Fact]
    public void Who_forgets_its_leader_grants_a_pre_vote_at_once_and_soon_asks_for_one()
    {
        var subject = new Subject(random: new Longest());
        subject.Step(new HeartbeatRequest(Id(2), Id(1), new Term(1), LogIndex.Zero, 1));
        subject.Messages();
        subject.Node.ForgetLeader();
        Assert.Equal((RaftRole.Follower, ReplicaId.None, new Term(1)), (subject.Node.Role, subject.Node.Leader, subject.Node.Term));
        Assert.Equal(["1->3 PreVoteResponse term=2 granted"], subject.Answer(new PreVoteRequest(Id(3), Id(1), new Term(2), At(0, 0))));
        subject.Tick(T / 4);
        Assert.Equal(["1->2 PreVoteRequest term=2 last=0/0", "1->3 PreVoteRequest term=2 last=0/0"], subject.Said());

        // It was wrong, and takes the leader back.
        subject.Step(new HeartbeatRequest(Id(2), Id(1), new Term(1), LogIndex.Zero, 2));
        Assert.Equal((RaftRole.Follower, Id(2)), (subject.Node.Role, subject.Node.Leader));
    }

    [Fact]
    public void A_leader_does_not_forget_itself_and_who_gives_leases_keeps_its_promise()
    {
        var leader = new Subject().LeadCommitted();
        leader.Node.ForgetLeader();
        Assert.Equal((RaftRole.Leader, Id(1)), (leader.Node.Role, leader.Node.Leader));

        var promising = new Subject(random: new Longest(), options: same => same with { Lease = new() { TickNanoseconds = 100_000_000, MaxDriftPpm = 10_000, MarginNanoseconds = 0, ClockWindowNanoseconds = 1_000_000_000 } });
        promising.Step(new HeartbeatRequest(Id(2), Id(1), new Term(1), LogIndex.Zero, 1));
        promising.Messages();
        promising.Node.ForgetLeader();
        Assert.Equal(["1->3 PreVoteResponse term=1 refused"], promising.Answer(new PreVoteRequest(Id(3), Id(1), new Term(2), At(0, 0))));
    }

    [Fact]
    public void A_restarted_replica_gives_no_vote_and_starts_no_election_for_T()
    {
        var subject = new Subject(term: 1, log: "1/1");
        subject.Tick(T - 1);
        Assert.Empty(subject.Answer(Vote(2, 7, transfer: true)));
        Assert.Equal(["1->2 PreVoteResponse term=1 refused"], subject.Answer(new PreVoteRequest(Id(2), Id(1), new Term(7), At(1, 1))));
        subject.Step(new TimeoutNowRequest(Id(2), Id(1), new Term(1)));
        Assert.Equal((RaftRole.Follower, new Term(1)), (subject.Node.Role, subject.Node.Term));

        var sameTerm = new Subject(term: 1);
        Assert.Equal(["1->2 VoteResponse term=1 refused"], sameTerm.Answer(Vote(2, 1)));
        sameTerm.Tick(T);
        sameTerm.Messages();
        Assert.Equal(["1->2 VoteResponse term=1 granted"], sameTerm.Answer(Vote(2, 1)));
    }

    [Fact]
    public void A_brand_new_replica_votes_at_once_and_a_single_voter_never_waits()
    {
        Assert.Equal(["1->2 VoteResponse term=1 granted"], new Subject().Answer(Vote(2, 1)));
        var single = new Subject(size: 1, term: 4, log: "4/1");
        single.Tick();
        single.Messages();
        Assert.Equal((RaftRole.Leader, new Term(5)), (single.Node.Role, single.Node.Term));
    }

    [Fact]
    public void S3_4_a_candidate_counts_its_own_vote_only_when_that_is_durable()
    {
        var single = new Subject(size: 1);
        Assert.False(single.Node.TryGetReady(out _));
        single.Tick();
        Assert.True(single.Node.TryGetReady(out var ready));
        Assert.Equal(new HardState(new Term(1), Id(1), LogIndex.Zero), ready.HardState);
        single.Tick(3 * T);
        Assert.Equal((RaftRole.Candidate, new Term(1)), (single.Node.Role, single.Node.Term));
        single.Node.Advance();
        Assert.Equal((RaftRole.Leader, new Term(1)), (single.Node.Role, single.Node.Term));

        // What was written before it stood says nothing about its vote.
        var late = new Subject();
        late.Tick(T);
        Assert.True(late.Node.TryGetReady(out _));
        late.Step(new PreVoteResponse(Id(3), Id(1), new Term(1), Granted: true));
        Assert.Equal((RaftRole.Candidate, new Term(1)), (late.Node.Role, late.Node.Term));
        late.Node.Advance();
        late.Step(new VoteResponse(Id(3), Id(1), new Term(1), Granted: true));
        Assert.Equal(RaftRole.Candidate, late.Node.Role);
        late.Messages();
        Assert.Equal(RaftRole.Leader, late.Node.Role);
    }

    [Fact]
    public void S9_6_a_pre_vote_changes_nothing_at_either_end()
    {
        var subject = new Subject();
        subject.Tick(T);
        subject.Answer(new PreVoteRequest(Id(2), Id(1), new Term(7), At(1, 1)));
        Assert.Equal((Term.Zero, default), (subject.Node.Term, subject.Disk.HardState));
    }

    [Fact]
    public void S9_6_only_a_majority_of_grants_for_the_very_term_starts_an_election()
    {
        var subject = new Subject(size: 5);
        subject.Tick(T);
        subject.Step(new PreVoteResponse(Id(2), Id(1), new Term(1), true), new PreVoteResponse(Id(3), Id(1), new Term(2), true));
        Assert.Equal((RaftRole.PreCandidate, Term.Zero), (subject.Node.Role, subject.Node.Term));
        subject.Step(new PreVoteResponse(Id(4), Id(1), new Term(1), true));
        Assert.Equal((RaftRole.Candidate, new Term(1)), (subject.Node.Role, subject.Node.Term));
    }

    [Fact]
    public void S9_6_of_two_that_ask_each_other_one_steps_back()
    {
        var lesser = new Subject();
        lesser.Tick(T);
        Assert.Equal(["1->2 PreVoteResponse term=1 granted"], lesser.Answer(new PreVoteRequest(Id(2), Id(1), new Term(1), EntryId.Zero)));
        lesser.Step(new PreVoteResponse(Id(2), Id(1), new Term(1), true));
        Assert.Equal(RaftRole.Follower, lesser.Node.Role);

        var longer = new Subject(term: 1, log: "1/1");
        longer.Tick(T);
        longer.Answer(new PreVoteRequest(Id(2), Id(1), new Term(2), EntryId.Zero));
        Assert.Equal(RaftRole.PreCandidate, longer.Node.Role);
    }

    [Fact]
    public void S6_2_a_leader_that_hears_no_majority_for_T_steps_down_and_one_that_does_stays()
    {
        var leader = new Subject(size: 5).LeadCommitted();
        for (var i = 0; i < 3 * T; i++)
        {
            leader.Tick();
            leader.Step(leader.Heard(2, 1), leader.Heard(3, 1));
        }

        Assert.Equal(RaftRole.Leader, leader.Node.Role);
        for (var i = 0; i < T - 1; i++)
        {
            leader.Tick();
            leader.Step(leader.Heard(2, 1));
        }

        Assert.Equal(RaftRole.Leader, leader.Node.Role);
        leader.Tick();
        Assert.Equal((RaftRole.Follower, ReplicaId.None), (leader.Node.Role, leader.Node.Leader));
    }

    private static Subject Candidate(int size = 3, IRandomSource? random = null)
    {
        var subject = new Subject(size, random: random);
        TicksUntil(subject, () => subject.Node.Role != RaftRole.Follower);
        for (var id = 2; id <= size; id++)
        {
            subject.Step(new PreVoteResponse(Id((ulong)id), Id(1), new Term(1), true));
        }

        return subject;
    }

    private static int TicksUntil(Subject subject, Func<bool> condition)
    {
        var ticks = 0;
        for (; !condition(); ticks++)
        {
            Assert.True(ticks < 100, "it never happens");
            subject.Tick();
        }

        return ticks;
    }

    private static VoteRequest Vote(ulong from, ulong term, bool transfer = false) => new(Id(from), Id(1), new Term(term), At(term, 100), transfer);

    private sealed class Longest : IRandomSource
    {
        public int Next(int minInclusive, int maxExclusive) => maxExclusive - 1;
    }
}
