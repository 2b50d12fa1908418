using static MultiDc.Raft.Tests.Subject;

namespace MultiDc.Raft.Tests;

/// <summary>Idle groups fall silent, and wake as one.</summary>
public sealed class QuiescenceTests
{
    private const int After = 5;

    [Fact]
    public void A_leader_asks_for_silence_in_place_of_a_heartbeat_and_is_quiesced_when_all_have_answered()
    {
        var leader = Idle();
        Assert.Equal(["1->2 QuiesceRequest term=1 last=1/1 round=5", "1->3 QuiesceRequest term=1 last=1/1 round=5"], leader.Said());
        leader.Step(Quiet(2, 5));
        Assert.False(leader.Node.IsQuiesced);
        leader.Step(Quiet(3, 5));
        Assert.True(leader.Node.IsQuiesced);
        leader.Tick(100);
        Assert.Empty(leader.Said());
        Assert.Equal(RaftRole.Leader, leader.Node.Role);
    }

    [Fact]
    public void Answers_to_another_attempt_do_not_count()
    {
        var leader = Idle();
        leader.Messages();
        leader.Step(Quiet(2, 5), Quiet(3, 4));
        Assert.False(leader.Node.IsQuiesced);
    }

    [Fact]
    public void Only_those_that_have_not_answered_are_asked_again_and_after_half_a_timeout_heartbeats_come_back()
    {
        var leader = Idle();
        leader.Messages();
        leader.Step(Quiet(2, 5));
        for (var i = 1; i < T / 2; i++)
        {
            leader.Tick();
            Assert.Equal(["1->3 QuiesceRequest term=1 last=1/1 round=5"], leader.Said());
        }

        leader.Tick();
        Assert.Equal(["1->2 HeartbeatRequest term=1 commit=1 round=6", "1->3 HeartbeatRequest term=1 commit=1 round=6"], leader.Said());

        // An answer that comes now is too late: the heartbeat has woken the other.
        leader.Step(Quiet(3, 5));
        Assert.False(leader.Node.IsQuiesced);
    }

    [Fact]
    public void A_leader_does_not_ask_while_a_member_lacks_something_or_is_away()
    {
        var leader = new Subject(options: Quiesces).Lead();
        leader.Step(leader.Accepted(2, 1));
        for (var i = 0; i < 5 * After; i++)
        {
            leader.Messages();
            leader.Step(leader.Heard(2, 1));
            leader.Tick();
        }

        Assert.DoesNotContain(leader.Messages(), message => message is QuiesceRequest);
        leader.Step(leader.Accepted(3, 1));
        for (var i = 0; i < 5 * T; i++)
        {
            leader.Messages();
            leader.Step(leader.Heard(2, 1));
            leader.Tick();
        }

        Assert.DoesNotContain(leader.Messages(), message => message is QuiesceRequest);
        Assert.Equal(RaftRole.Leader, leader.Node.Role);
    }

    [Fact]
    public void Reads_and_transfers_under_way_keep_a_leader_from_asking()
    {
        var leader = new Subject(options: Quiesces).LeadCommitted();
        leader.Node.ReadIndex(new ReadRequestId(1));
        Assert.DoesNotContain("Quiesce", Talk(leader, 3 * After, answerReads: false), StringComparison.Ordinal);

        leader = new Subject(size: 5, options: Quiesces).LeadCommitted();
        leader.Node.TransferLeadership(Id(5));
        Assert.DoesNotContain("Quiesce", Talk(leader, T - 1, answerReads: true), StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_is_asked_of_a_quiesced_leader_wakes_it_and_its_heartbeats_wake_the_others()
    {
        Action<RaftNode>[] requests =
        [
            node => node.Propose("x"u8.ToArray()),
            node => node.ReadIndex(new ReadRequestId(1)),
            node => node.TransferLeadership(Id(2)),
            node => node.ProposeConfiguration([], ConfigurationTransition.Auto),
            node => node.ProposeLeaveJoint(),
            node => node.Wake(),
        ];
        foreach (var request in requests)
        {
            var leader = Quiesced();
            request(leader.Node);
            Assert.False(leader.Node.IsQuiesced);
            Assert.Equal([Id(2), Id(3)], leader.Messages().OfType<HeartbeatRequest>().Select(heartbeat => heartbeat.To));
        }
    }

    [Fact]
    public void Any_message_wakes_a_quiesced_leader_but_another_answer_to_its_request()
    {
        var leader = Quiesced();
        leader.Step(Quiet(3, 5));
        Assert.True(leader.Node.IsQuiesced);
        leader.Step(leader.Heard(2, 4));
        Assert.False(leader.Node.IsQuiesced);
    }

    [Fact]
    public void A_quiesced_follower_that_forgets_its_leader_wakes_and_wakes_the_others()
    {
        var follower = QuiescedFollower();
        follower.Node.ForgetLeader();
        Assert.False(follower.Node.IsQuiesced);
        Assert.Equal([Id(2), Id(3)], follower.Messages().OfType<WakeRequest>().Select(wake => wake.To));
        follower.Tick(T / 4);
        Assert.Equal(RaftRole.PreCandidate, follower.Node.Role);
    }

    [Fact]
    public void S6_2_a_woken_leader_begins_to_count_anew_who_is_heard()
    {
        var leader = Quiesced();
        leader.Node.Wake();
        leader.Tick(T - 1);
        Assert.Equal(RaftRole.Leader, leader.Node.Role);
        leader.Tick();
        Assert.Equal(RaftRole.Follower, leader.Node.Role);
    }

    [Fact]
    public void S6_4_a_quiesced_leader_that_was_replaced_serves_no_read()
    {
        var leader = Quiesced();
        Assert.Equal(ProposalRefusal.None, leader.Node.ReadIndex(new ReadRequestId(1)));
        leader.Messages();
        leader.Step(new HeartbeatResponse(Id(2), Id(1), new Term(2), Round: 0));
        Assert.True(leader.Node.TryGetReady(out var ready));
        Assert.Equal([new ReadRequestId(1)], ready.ReadsLost);
        Assert.Empty(ready.ReadStates);
    }

    [Fact]
    public void S6_4_1_a_quiesced_leader_has_no_lease()
    {
        var subject = new Subject(size: 1, options: same => Quiesces(same) with { Lease = new LeaseOptions { TickNanoseconds = 50_000_000 } });
        subject.Tick();
        subject.Messages();
        Assert.True(subject.Node.LeaseHolds(new MonotonicTime(1)));
        subject.Tick(After);
        Assert.True(subject.Node.IsQuiesced);
        Assert.False(subject.Node.LeaseHolds(new MonotonicTime(1)));
        subject.Node.Wake();
        Assert.True(subject.Node.LeaseHolds(new MonotonicTime(1)));
    }

    [Theory]
    [InlineData("1/1 1/2", 2, true)]
    [InlineData("1/1 1/2", 1, false)]
    [InlineData("1/1 1/2 1/3", 2, false)]
    [InlineData("1/1", 1, false)]
    public void A_follower_is_quiesced_if_it_has_and_knows_committed_just_what_the_leader_has(string log, ulong commit, bool quiesces)
    {
        var follower = new Subject(options: Quiesces);
        follower.Answer(Append(2, 1, EntryId.Zero, log, commit));
        var answer = follower.Answer(new QuiesceRequest(Id(2), Id(1), new Term(1), At(1, 2), 9));
        Assert.Equal(quiesces ? ["1->2 QuiesceResponse term=1 round=9"] : [], answer);
        Assert.Equal(quiesces, follower.Node.IsQuiesced);
    }

    [Fact]
    public void A_follower_without_the_option_or_restarted_lately_stays_awake()
    {
        var without = new Subject();
        without.Answer(Append(2, 1, EntryId.Zero, "1/1", 1));
        Assert.Empty(without.Answer(new QuiesceRequest(Id(2), Id(1), new Term(1), At(1, 1), 9)));

        var restarted = new Subject(options: Quiesces);
        restarted.Answer(Append(2, 1, EntryId.Zero, "1/1", 1));
        restarted.Restart();
        restarted.Answer(new HeartbeatRequest(Id(2), Id(1), new Term(1), new LogIndex(1), 1));
        Assert.Empty(restarted.Answer(new QuiesceRequest(Id(2), Id(1), new Term(1), At(1, 1), 9)));
        for (var i = 0; i < T; i++)
        {
            restarted.Answer(new HeartbeatRequest(Id(2), Id(1), new Term(1), new LogIndex(1), 1));
            restarted.Tick();
        }

        Assert.Single(restarted.Answer(new QuiesceRequest(Id(2), Id(1), new Term(1), At(1, 1), 9)));
    }

    [Fact]
    public void Ticks_do_nothing_to_a_quiesced_follower_and_any_message_starts_its_election_timer_anew()
    {
        var follower = QuiescedFollower();
        follower.Tick(100);
        Assert.Empty(follower.Said());
        Assert.Empty(follower.Answer(new WakeRequest(Id(3), Id(1), new Term(1))));
        Assert.False(follower.Node.IsQuiesced);
        follower.Tick(T - 1);
        Assert.Empty(follower.Said());
        follower.Tick();
        Assert.Equal(RaftRole.PreCandidate, follower.Node.Role);
    }

    [Fact]
    public void A_request_of_a_client_wakes_a_follower_which_wakes_the_others()
    {
        var follower = QuiescedFollower();
        Assert.Equal(ProposalRefusal.NotLeader, follower.Node.Propose("x"u8.ToArray()).Refusal);
        Assert.Equal(["1->2 WakeRequest term=1", "1->3 WakeRequest term=1"], follower.Said());
        follower.Node.Wake();
        Assert.Empty(follower.Said());
    }

    [Fact]
    public void S4_2_3_a_quiesced_follower_that_is_asked_for_a_vote_wakes_and_gives_it_after_the_rest_of_its_promise()
    {
        var follower = QuiescedFollower();
        Assert.Equal(["1->3 PreVoteResponse term=1 refused"], follower.Answer(new PreVoteRequest(Id(3), Id(1), new Term(2), At(1, 1))));
        Assert.False(follower.Node.IsQuiesced);
        follower.Tick(T - 1);
        Assert.Equal(["1->3 PreVoteResponse term=1 refused"], follower.Answer(new PreVoteRequest(Id(3), Id(1), new Term(2), At(1, 1))));
        follower.Tick();
        follower.Messages();
        Assert.Equal(["1->3 PreVoteResponse term=2 granted"], follower.Answer(new PreVoteRequest(Id(3), Id(1), new Term(2), At(1, 1))));
    }

    [Fact]
    public void A_request_to_quiesce_that_no_longer_fits_wakes()
    {
        var follower = QuiescedFollower();
        Assert.Empty(follower.Answer(new QuiesceRequest(Id(2), Id(1), new Term(1), At(1, 2), 10)));
        Assert.False(follower.Node.IsQuiesced);
    }

    [Fact]
    public void A_request_to_quiesce_of_an_earlier_term_is_told_so_and_puts_nobody_to_sleep()
    {
        var follower = new Subject(options: Quiesces);
        follower.Answer(Append(3, 2, EntryId.Zero, "1/1", 1));
        Assert.Equal(["1->2 HeartbeatResponse term=2 round=0"], follower.Answer(new QuiesceRequest(Id(2), Id(1), new Term(1), At(1, 1), 9)));
        Assert.False(follower.Node.IsQuiesced);
    }

    private static RaftNodeOptions Quiesces(RaftNodeOptions options) => options with { QuiesceAfterTicks = After };

    /// <summary>A leader that has just been idle for long enough; the rounds before were answered.</summary>
    private static Subject Idle()
    {
        var leader = new Subject(options: Quiesces).LeadCommitted();
        Talk(leader, After - 1, answerReads: true);
        leader.Tick();
        return leader;
    }

    /// <summary>Ticks with answers to all heartbeats; tells what was said.</summary>
    private static string Talk(Subject leader, int ticks, bool answerReads)
    {
        var said = "";
        for (var i = 0; i < ticks; i++)
        {
            foreach (var message in leader.Messages())
            {
                said += Conversation.Of(message) + "\n";
                if (message is HeartbeatRequest heartbeat)
                {
                    leader.Step(leader.Heard(heartbeat.To.Value, answerReads ? heartbeat.Round : 1));
                }
            }

            leader.Tick();
        }

        return said;
    }

    private static Subject Quiesced()
    {
        var leader = Idle();
        leader.Messages();
        leader.Step(Quiet(2, 5), Quiet(3, 5));
        Assert.True(leader.Node.IsQuiesced);
        return leader;
    }

    private static Subject QuiescedFollower()
    {
        var follower = new Subject(options: Quiesces);
        follower.Answer(Append(2, 1, EntryId.Zero, "1/1", 1));
        follower.Answer(new QuiesceRequest(Id(2), Id(1), new Term(1), At(1, 1), 9));
        Assert.True(follower.Node.IsQuiesced);
        return follower;
    }

    private static QuiesceResponse Quiet(ulong from, ulong round) => new(Id(from), Id(1), new Term(1), round);
}
