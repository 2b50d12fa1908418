using static MultiDc.Raft.Tests.Subject;

namespace MultiDc.Raft.Tests;

/// <summary>One test per rule; sections are those of Ongaro's dissertation.</summary>
public sealed class ReplicationTests
{
    [Fact]
    public void S3_5_a_leader_appends_and_tells_all_followers_once_it_is_durable()
    {
        var leader = new Subject().LeadCommitted();
        Assert.Equal(new ProposalResult(ProposalRefusal.None, At(1, 2)), leader.Node.Propose("x"u8.ToArray()));
        Assert.True(leader.Node.TryGetReady(out var ready));
        Assert.Equal([At(1, 2)], ready.EntriesToPersist.Select(entry => entry.Id));
        Assert.Equal(
            ["1->2 AppendRequest term=1 previous=1/1 [1/2=x] commit=1", "1->3 AppendRequest term=1 previous=1/1 [1/2=x] commit=1"],
            ready.MessagesAfterPersist.Select(Conversation.Of));
    }

    [Fact]
    public void S10_2_1_appends_may_leave_while_the_leader_writes_but_not_what_follows_them()
    {
        var leader = new Subject(options: static options => options with { AppendWhilePersisting = true, MaxAppendBytes = 1 }).LeadCommitted();
        leader.Node.Propose("x"u8.ToArray());
        leader.Node.Propose("y"u8.ToArray());
        Assert.True(leader.Node.TryGetReady(out var ready));
        Assert.Equal([At(1, 2), At(1, 3)], ready.EntriesToPersist.Select(entry => entry.Id));
        Assert.Equal(
            ["1->2 AppendRequest term=1 previous=1/1 [1/2=x] commit=1", "1->3 AppendRequest term=1 previous=1/1 [1/2=x] commit=1"],
            ready.MessagesWhilePersisting.Select(Conversation.Of));
        Assert.Equal(
            ["1->2 AppendRequest term=1 previous=1/2 [1/3=y] commit=1", "1->3 AppendRequest term=1 previous=1/2 [1/3=y] commit=1"],
            ready.MessagesAfterPersist.Select(Conversation.Of));
    }

    [Fact]
    public void S10_2_1_a_leader_that_is_still_writing_does_not_count_and_applies_nothing()
    {
        var leader = new Subject(options: static options => options with { AppendWhilePersisting = true }).LeadCommitted();
        leader.Node.Propose("x"u8.ToArray());
        Assert.True(leader.Node.TryGetReady(out _));
        leader.Step(leader.Accepted(2, 2));
        Assert.Equal(new LogIndex(1), leader.Node.Commit);

        // Of three, the other two are a majority.
        leader.Step(leader.Accepted(3, 2));
        Assert.Equal(new LogIndex(2), leader.Node.Commit);
        leader.Node.Advance();
        Assert.True(leader.Node.TryGetReady(out var next));
        Assert.Equal([At(1, 2)], next.EntriesToApply.Select(entry => entry.Id));
    }

    [Fact]
    public void S3_5_proposals_that_came_together_travel_together()
    {
        var leader = new Subject().LeadCommitted();
        leader.Node.Propose("x"u8.ToArray());
        leader.Node.Propose("y"u8.ToArray());
        Assert.Equal(2, leader.Said().Length);
    }

    [Theory]
    [InlineData(3, 1)]
    [InlineData(4, 2)]
    [InlineData(5, 2)]
    public void S3_5_an_entry_is_committed_when_a_majority_holds_it(int size, int needed)
    {
        var leader = new Subject(size).LeadCommitted();
        leader.Node.Propose("x"u8.ToArray());
        leader.Messages();
        for (var i = 1; i <= needed; i++)
        {
            Assert.Equal(new LogIndex(1), leader.Node.Commit);
            leader.Step(leader.Accepted((ulong)i + 1, 2));
        }

        Assert.Equal(new LogIndex(2), leader.Node.Commit);
    }

    [Fact]
    public void S10_2_1_a_leader_counts_itself_only_when_its_own_entry_is_durable()
    {
        var leader = new Subject(size: 5).LeadCommitted();
        leader.Node.Propose("x"u8.ToArray());
        Assert.True(leader.Node.TryGetReady(out _));
        leader.Step(leader.Accepted(2, 2), leader.Accepted(3, 2));
        Assert.Equal(new LogIndex(1), leader.Node.Commit);
        leader.Node.Advance();
        Assert.Equal(new LogIndex(2), leader.Node.Commit);

        var single = new Subject(size: 1);
        single.Tick();
        Assert.True(single.Node.TryGetReady(out var ready));
        Assert.Empty(ready.EntriesToApply);
        Assert.Equal(LogIndex.Zero, single.Node.Commit);
    }

    [Fact]
    public void S3_5_what_a_majority_committed_without_the_leader_is_applied_only_when_durable_here()
    {
        var leader = new Subject().LeadCommitted();
        leader.Node.Propose("x"u8.ToArray());
        Assert.True(leader.Node.TryGetReady(out _));
        leader.Step(leader.Accepted(2, 2), leader.Accepted(3, 2));
        Assert.Equal((new LogIndex(2), new LogIndex(1)), (leader.Node.Commit, leader.Node.Applied));
        leader.Node.Advance();
        Assert.True(leader.Node.TryGetReady(out var next));
        Assert.Equal([At(1, 2)], next.EntriesToApply.Select(entry => entry.Id));
    }

    [Fact]
    public void S3_5_followers_learn_what_is_committed_and_apply_it_in_order()
    {
        var subject = new Subject();
        subject.Answer(Append(2, 1, EntryId.Zero, "1/1 1/2 1/3", commit: 1));
        Assert.Equal([At(1, 1)], subject.Disk.State);
        subject.Answer(new HeartbeatRequest(Id(2), Id(1), new Term(1), new LogIndex(3), 1));
        Assert.Equal([At(1, 1), At(1, 2), At(1, 3)], subject.Disk.State);
    }

    [Fact]
    public void S3_5_followers_are_told_of_a_commit_at_once_even_if_there_is_nothing_to_append()
    {
        var leader = new Subject().LeadCommitted();
        leader.Node.Propose("x"u8.ToArray());
        leader.Messages();
        leader.Step(leader.Accepted(2, 2));
        Assert.Equal([Id(2)], leader.Messages().OfType<HeartbeatRequest>().Where(heartbeat => heartbeat.Commit == new LogIndex(2)).Select(heartbeat => heartbeat.To));
    }

    [Fact]
    public void S3_5_or_followers_are_told_of_a_commit_by_the_next_append_or_heartbeat()
    {
        var leader = new Subject(options: static options => options with { TellCommitAtOnce = false }).LeadCommitted();
        leader.Node.Propose("x"u8.ToArray());
        leader.Messages();
        leader.Step(leader.Accepted(2, 2), leader.Accepted(3, 2));
        Assert.Empty(leader.Messages());
        Assert.Equal(new LogIndex(2), leader.Node.Commit);

        leader.Node.Propose("y"u8.ToArray());
        Assert.All(leader.Messages().OfType<AppendRequest>(), append => Assert.Equal(new LogIndex(2), append.Commit));
        leader.Step(leader.Accepted(2, 3), leader.Accepted(3, 3));
        Assert.Empty(leader.Messages());
        leader.Tick();
        var heartbeats = leader.Messages().OfType<HeartbeatRequest>().ToArray();
        Assert.Equal(2, heartbeats.Length);
        Assert.All(heartbeats, heartbeat => Assert.Equal(new LogIndex(3), heartbeat.Commit));
    }

    [Fact]
    public void S3_5_or_of_one_commit_at_once_when_the_host_wants_it_each_follower_once_and_not_before_it_holds_the_entry()
    {
        var leader = new Subject(options: static options => options with { TellCommitAtOnce = false }).LeadCommitted();
        leader.Node.Propose("x"u8.ToArray());
        leader.Messages();
        leader.Step(leader.Accepted(2, 2));
        leader.Node.TellCommit();
        Assert.Equal([(Id(2), new LogIndex(2))], Told());
        leader.Step(leader.Accepted(3, 2));
        Assert.Equal([(Id(3), new LogIndex(2))], Told());

        // The next commit is told as always.
        leader.Node.Propose("y"u8.ToArray());
        leader.Messages();
        leader.Step(leader.Accepted(2, 3), leader.Accepted(3, 3));
        Assert.Empty(Told());

        (ReplicaId, LogIndex)[] Told() => [.. leader.Messages().OfType<HeartbeatRequest>().Select(static heartbeat => (heartbeat.To, heartbeat.Commit))];
    }

    [Theory]
    [InlineData("1/1 1/2", 1, 2, "1->2 AppendAccepted term=5 match=2")]
    [InlineData("1/1 1/2", 1, 3, "1->2 AppendRejected term=5 previous=3 hint=1/2")]
    [InlineData("1/1 1/2", 2, 2, "1->2 AppendRejected term=5 previous=2 hint=1/2")]
    [InlineData("1/1 3/2 3/3 3/4", 2, 4, "1->2 AppendRejected term=5 previous=4 hint=1/1")]
    [InlineData("", 4, 9, "1->2 AppendRejected term=5 previous=9 hint=0/0")]
    public void S3_5_a_follower_refuses_an_append_unless_it_holds_the_entry_before_it(string log, ulong term, ulong index, string answer)
    {
        var subject = new Subject(term: 5, log: log);
        Assert.Equal([answer], subject.Answer(Append(2, 5, At(term, index), "")));
        Assert.Equal(log, subject.Log);
    }

    [Theory]
    [InlineData("1/1 1/2", 1, 2, "5/3", "1/1 1/2 5/3")]
    [InlineData("1/1 1/2", 0, 0, "1/1 1/2 5/3", "1/1 1/2 5/3")]
    [InlineData("1/1 1/2", 1, 1, "5/2", "1/1 5/2")]
    [InlineData("1/1 1/2 1/3", 0, 0, "5/1", "5/1")]
    [InlineData("1/1 1/2 1/3", 1, 1, "1/2", "1/1 1/2 1/3")]
    [InlineData("1/1 1/2 1/3", 1, 1, "", "1/1 1/2 1/3")]
    public void S3_5_a_follower_removes_only_what_conflicts(string log, ulong term, ulong index, string entries, string then)
    {
        var subject = new Subject(term: 5, log: log);
        subject.Answer(Append(2, 5, At(term, index), entries));
        Assert.Equal(then, subject.Log);
    }

    [Fact]
    public void S3_5_a_late_append_does_not_undo_a_newer_one()
    {
        var subject = new Subject();
        subject.Answer(Append(2, 1, EntryId.Zero, "1/1 1/2 1/3"));
        Assert.Equal(["1->2 AppendAccepted term=1 match=1"], subject.Answer(Append(2, 1, EntryId.Zero, "1/1")));
        Assert.Equal("1/1 1/2 1/3", subject.Log);
    }

    [Fact]
    public void S3_5_nothing_is_committed_beyond_what_this_request_verified()
    {
        var subject = new Subject(term: 1, log: "1/1 1/2 1/3");
        subject.Answer(Append(2, 2, At(1, 1), "", commit: 3));
        Assert.Equal(new LogIndex(1), subject.Node.Commit);
        subject.Answer(Append(2, 2, At(1, 1), "1/2", commit: 3));
        Assert.Equal(new LogIndex(2), subject.Node.Commit);
    }

    [Fact]
    public void S3_6_3_committed_entries_are_never_replaced_and_the_commit_index_never_falls()
    {
        var subject = new Subject();
        subject.Answer(Append(2, 1, EntryId.Zero, "1/1 1/2", commit: 2));
        subject.Answer(Append(2, 1, EntryId.Zero, "1/1", commit: 1));
        Assert.Equal(new LogIndex(2), subject.Node.Commit);
        Assert.Throws<RaftInvariantException>(() => subject.Step(Append(3, 2, At(1, 1), "2/2")));
        Assert.Throws<RaftInvariantException>(() => subject.Step(new HeartbeatRequest(Id(2), Id(1), new Term(9), new LogIndex(9), 1)));
    }

    [Theory]
    [InlineData("1/1 2/2", 2, false)]
    [InlineData("1/1 2/2", 3, true)]
    public void S3_6_2_entries_of_earlier_terms_are_committed_only_through_one_of_the_leaders_own(string log, ulong held, bool committed)
    {
        var leader = new Subject(term: 2, log: log).Lead();
        leader.Step(leader.Accepted(2, held), leader.Accepted(3, held));
        Assert.Equal(committed ? new LogIndex(3) : LogIndex.Zero, leader.Node.Commit);
    }

    [Fact]
    public void S3_5_old_doubled_and_reordered_answers_never_move_a_match_back()
    {
        var leader = new Subject().LeadCommitted();
        leader.Node.Propose("x"u8.ToArray());
        leader.Node.Propose("y"u8.ToArray());
        leader.Messages();
        leader.Step(leader.Accepted(2, 3), leader.Accepted(2, 2), leader.Accepted(2, 1));
        leader.Step(new AppendRejected(Id(2), Id(1), leader.Node.Term, new LogIndex(1), EntryId.Zero));
        Assert.Contains("2: Replicate match=3 next=4", leader.Node.Describe(), StringComparison.Ordinal);
        Assert.Equal(new LogIndex(3), leader.Node.Commit);
    }

    [Fact]
    public void S3_5_back_off_skips_whole_terms()
    {
        var leader = new Subject(term: 6, log: "1/1 4/2 4/3 5/4 5/5 6/6").Lead();

        // The follower has 1/1 2/2 2/3 3/4 3/5 and says that its log may agree at 5, of term 3, at most: so does the leader's at 1 only.
        var answer = leader.Answer(new AppendRejected(Id(2), Id(1), leader.Node.Term, new LogIndex(6), At(3, 5)));
        Assert.StartsWith("1->2 AppendRequest term=7 previous=1/1 [4/2=", Assert.Single(answer), StringComparison.Ordinal);
    }

    [Fact]
    public void S3_5_a_rejection_of_another_probe_is_ignored()
    {
        var leader = new Subject(term: 6, log: "6/1 6/2").Lead();
        Assert.Empty(leader.Answer(new AppendRejected(Id(2), Id(1), leader.Node.Term, new LogIndex(1), EntryId.Zero)));
        Assert.Single(leader.Answer(new AppendRejected(Id(2), Id(1), leader.Node.Term, new LogIndex(2), EntryId.Zero)));
    }

    [Fact]
    public void S10_2_1_appends_are_pipelined_up_to_the_window_and_by_bytes()
    {
        var leader = new Subject(size: 2, options: same => same with { MaxInflightAppends = 2, MaxAppendBytes = 70 }).LeadCommitted();
        for (var i = 0; i < 5; i++)
        {
            leader.Node.Propose("x"u8.ToArray());
        }

        var first = leader.Messages().Cast<AppendRequest>().ToList();
        Assert.Equal([2, 2], first.Select(request => request.Entries.Length));
        leader.Step(leader.Accepted(2, 3));
        var next = Assert.Single(leader.Messages().OfType<AppendRequest>());
        Assert.Equal(At(1, 6), Assert.Single(next.Entries).Id);

        leader.Step(leader.Accepted(2, 6));
        leader.Messages();
        leader.Node.Propose(new byte[1000]);
        Assert.Single(leader.Messages().OfType<AppendRequest>());
    }

    [Fact]
    public void S10_2_1_a_lost_append_is_noticed_by_the_answer_to_a_later_heartbeat_and_only_then()
    {
        var leader = new Subject(size: 2).LeadCommitted();
        leader.Tick();
        leader.Messages();
        leader.Node.Propose("x"u8.ToArray());
        leader.Messages();
        Assert.Empty(leader.Answer(leader.Heard(2, 2)));
        leader.Tick();
        Assert.Equal(["1->2 HeartbeatRequest term=1 commit=1 round=3"], leader.Said());
        Assert.Empty(leader.Answer(leader.Heard(2, 2)));
        Assert.Equal(["1->2 AppendRequest term=1 previous=1/1 [1/2=x] commit=1"], leader.Answer(leader.Heard(2, 3)));
        Assert.Empty(leader.Answer(leader.Heard(2, 3)));
    }

    [Fact]
    public void An_unreachable_follower_is_probed_with_one_append_at_a_time()
    {
        var leader = new Subject(size: 2).LeadCommitted();
        leader.Node.Propose("x"u8.ToArray());
        leader.Messages();
        leader.Node.ReportUnreachable(Id(2));
        Assert.Single(leader.Said());
        leader.Node.Propose("y"u8.ToArray());
        Assert.Empty(leader.Said());
        Assert.Contains("2: Probe match=1 next=2 paused", leader.Node.Describe(), StringComparison.Ordinal);
    }

    [Fact]
    public void S3_8_term_vote_and_entries_are_in_the_same_Ready_as_the_answers_that_rest_on_them()
    {
        var subject = new Subject();
        subject.Step(Append(2, 3, EntryId.Zero, "3/1", commit: 1));
        Assert.True(subject.Node.TryGetReady(out var ready));
        Assert.Equal(new HardState(new Term(3), ReplicaId.None, new LogIndex(1)), ready.HardState);
        Assert.Single(ready.EntriesToPersist);
        Assert.Single(ready.MessagesAfterPersist);
        Assert.Empty(ready.EntriesToApply);
    }

    [Fact]
    public void A_commit_alone_is_not_worth_a_flush()
    {
        var subject = new Subject();
        subject.Answer(Append(2, 1, EntryId.Zero, "1/1"));
        subject.Step(new HeartbeatRequest(Id(2), Id(1), new Term(1), new LogIndex(1), 1));
        Assert.True(subject.Node.TryGetReady(out var ready));
        Assert.Null(ready.HardState);
        Assert.Single(ready.EntriesToApply);
    }

    [Fact]
    public void A_conflict_that_arrives_while_the_replaced_entries_are_being_written_is_written_after_them()
    {
        var subject = new Subject();
        subject.Step(Append(2, 1, EntryId.Zero, "1/1 1/2 1/3", commit: 1));
        Assert.True(subject.Node.TryGetReady(out var first));
        subject.Step(Append(3, 2, At(1, 1), "2/2"));
        subject.Node.Advance();
        Assert.True(subject.Node.TryGetReady(out var second));
        Assert.Equal([At(1, 1), At(1, 2), At(1, 3)], first.EntriesToPersist.Select(entry => entry.Id));
        Assert.Equal([At(2, 2)], second.EntriesToPersist.Select(entry => entry.Id));
        Assert.Equal([At(1, 1)], second.EntriesToApply.Select(entry => entry.Id));
    }

    [Fact]
    public void Proposals_beyond_the_uncommitted_bytes_are_refused_until_some_are_committed()
    {
        var leader = new Subject(options: same => same with { MaxUncommittedBytes = 300 }).LeadCommitted();
        Assert.True(leader.Node.Propose(new byte[200]).Accepted);
        Assert.Equal(ProposalRefusal.Overloaded, leader.Node.Propose(new byte[200]).Refusal);
        leader.Messages();
        leader.Step(leader.Accepted(2, 2));
        Assert.True(leader.Node.Propose(new byte[200]).Accepted);
    }

    [Fact]
    public void A_proposal_of_any_size_is_taken_when_nothing_is_uncommitted()
    {
        var leader = new Subject(options: same => same with { MaxUncommittedBytes = 300 }).LeadCommitted();
        Assert.True(leader.Node.Propose(new byte[5000]).Accepted);
        Assert.Equal(ProposalRefusal.Overloaded, leader.Node.Propose(ReadOnlyMemory<byte>.Empty).Refusal);
        leader.Messages();
        leader.Step(leader.Accepted(2, 2));
        Assert.True(leader.Node.Propose(new byte[5000]).Accepted);
    }

    [Fact]
    public void What_a_new_leader_found_uncommitted_counts_until_its_first_commit()
    {
        var leader = new Subject(term: 1, log: "1/1 1/2 1/3", options: same => same with { MaxUncommittedBytes = 140 }).Lead();
        Assert.Equal(ProposalRefusal.Overloaded, leader.Node.Propose(new byte[10]).Refusal);
        leader.Step(leader.Accepted(2, 4));
        Assert.True(leader.Node.Propose(new byte[10]).Accepted);
    }

    [Fact]
    public void S10_2_1_appends_are_pipelined_up_to_the_window_of_bytes()
    {
        // 32 bytes are counted for an entry's header: an append of one entry of 68 bytes counts 100.
        var leader = new Subject(size: 2, options: same => same with { MaxInflightBytes = 250, MaxAppendBytes = 100 }).LeadCommitted();
        for (var i = 0; i < 6; i++)
        {
            leader.Node.Propose(new byte[68]);
        }

        // The third fills the window, and exceeds it.
        Assert.Equal([2, 3, 4], leader.Messages().Cast<AppendRequest>().Select(request => (int)request.Entries.Single().Index.Value));
        leader.Step(leader.Accepted(2, 2));
        Assert.Equal([5], leader.Messages().OfType<AppendRequest>().Select(request => (int)request.Entries.Single().Index.Value));
        leader.Step(leader.Accepted(2, 5));
        Assert.Equal([6, 7], leader.Messages().OfType<AppendRequest>().Select(request => (int)request.Entries.Single().Index.Value));
    }

    [Fact]
    public void An_entry_larger_than_the_window_of_bytes_travels_alone()
    {
        var leader = new Subject(size: 2, options: same => same with { MaxInflightBytes = 50 }).LeadCommitted();
        leader.Node.Propose(new byte[1000]);
        Assert.Single(leader.Messages().OfType<AppendRequest>());
        leader.Node.Propose(new byte[1000]);
        Assert.Empty(leader.Messages().OfType<AppendRequest>());
        leader.Step(leader.Accepted(2, 2));
        Assert.Single(leader.Messages().OfType<AppendRequest>());
    }

    [Fact]
    public void One_Ready_hands_out_a_bounded_amount_to_apply()
    {
        var subject = new Subject(options: same => same with { MaxApplyBytes = 70 });
        subject.Answer(Append(2, 1, EntryId.Zero, "1/1 1/2 1/3 1/4 1/5"));
        subject.Step(new HeartbeatRequest(Id(2), Id(1), new Term(1), new LogIndex(5), 1));
        var handedOut = new List<int>();
        while (subject.Node.TryGetReady(out var ready))
        {
            handedOut.Add(ready.EntriesToApply.Count);
            subject.Node.Advance();
        }

        Assert.Equal([2, 2, 1], handedOut);
    }
}
