using static MultiDc.Raft.Tests.Subject;

namespace MultiDc.Raft.Tests;

/// <summary>One test per rule; sections are those of Ongaro's dissertation.</summary>
public sealed class ReadsSnapshotsTransferTests
{
    [Fact]
    public void S6_4_no_read_before_the_leader_committed_in_its_own_term()
    {
        var leader = new Subject(term: 1, log: "1/1").Lead();
        Assert.Equal(ProposalRefusal.TermNotCommitted, leader.Node.ReadIndex(new ReadRequestId(1)));
        leader.Step(leader.Accepted(2, 1));
        Assert.Equal(ProposalRefusal.TermNotCommitted, leader.Node.ReadIndex(new ReadRequestId(1)));
        leader.Step(leader.Accepted(2, 2));
        Assert.Equal(ProposalRefusal.None, leader.Node.ReadIndex(new ReadRequestId(1)));
    }

    [Fact]
    public void S6_4_a_read_waits_for_a_majority_to_answer_a_round_that_began_after_it()
    {
        var leader = new Subject(size: 5).LeadCommitted();
        leader.Tick();
        leader.Messages();
        leader.Node.ReadIndex(new ReadRequestId(7));
        leader.Messages();
        leader.Step(leader.Heard(2, 2), leader.Heard(3, 2), leader.Heard(4, 2), leader.Heard(2, 3), leader.Heard(2, 3));
        Assert.Empty(Reads(leader));
        leader.Step(leader.Heard(3, 3));
        Assert.Equal([new ReadState(new ReadRequestId(7), new LogIndex(1))], Reads(leader));
    }

    [Fact]
    public void S6_4_reads_that_came_together_share_a_round_and_a_later_round_confirms_earlier_ones()
    {
        var leader = new Subject().LeadCommitted();
        leader.Node.ReadIndex(new ReadRequestId(1));
        leader.Node.ReadIndex(new ReadRequestId(2));
        Assert.Equal(2, leader.Said().Length);
        leader.Node.ReadIndex(new ReadRequestId(3));
        Assert.Equal(2, leader.Said().Length);
        leader.Step(leader.Heard(2, 3));
        Assert.Equal([1UL, 2, 3], Reads(leader).Select(read => read.Id.Value));
    }

    [Fact]
    public void S6_4_reads_are_lost_with_the_leadership_and_bounded_in_number()
    {
        var leader = new Subject(options: same => same with { MaxPendingReads = 2 }).LeadCommitted();
        leader.Node.ReadIndex(new ReadRequestId(1));
        leader.Messages();
        leader.Node.ReadIndex(new ReadRequestId(2));
        Assert.Equal(ProposalRefusal.Overloaded, leader.Node.ReadIndex(new ReadRequestId(3)));
        leader.Step(new HeartbeatRequest(Id(2), Id(1), new Term(9), LogIndex.Zero, 1));
        Assert.True(leader.Node.TryGetReady(out var ready));
        Assert.Equal([1UL, 2], ready.ReadsLost.Select(read => read.Value));
        Assert.Equal(ProposalRefusal.NotLeader, leader.Node.ReadIndex(new ReadRequestId(4)));
    }

    [Fact]
    public void S6_4_a_single_voter_serves_a_read_at_once()
    {
        var single = new Subject(size: 1);
        single.Tick();
        single.Messages();
        single.Node.ReadIndex(new ReadRequestId(1));
        Assert.Single(Reads(single));
    }

    [Fact]
    public void S5_a_follower_whose_next_entry_is_compacted_needs_a_snapshot_named_once()
    {
        var leader = CompactedLeader();
        Assert.True(leader.Node.TryGetReady(out var ready));
        Assert.Equal([Id(3)], ready.SnapshotsToSend);
        leader.Node.Advance();
        leader.Tick();
        leader.Messages();
        leader.Step(leader.Heard(3, 2));
        Assert.False(leader.Node.TryGetReady(out _));
        leader.Node.Propose("x"u8.ToArray());
        Assert.DoesNotContain(leader.Messages(), message => message is AppendRequest && message.To == Id(3));
        Assert.Contains("3: Snapshot match=0", leader.Node.Describe(), StringComparison.Ordinal);
    }

    [Fact]
    public void S5_after_the_stream_the_follower_is_probed_behind_the_compacted_part()
    {
        var leader = CompactedLeader();
        leader.Messages();
        leader.Node.ReportSnapshot(Id(3), delivered: true);
        Assert.StartsWith("1->3 AppendRequest term=2 previous=2/3 [2/4", Assert.Single(leader.Said()), StringComparison.Ordinal);
    }

    [Fact]
    public void S5_what_the_follower_acknowledges_ends_the_snapshot_state_too()
    {
        var leader = CompactedLeader();
        leader.Messages();
        leader.Step(leader.Accepted(3, 3));
        Assert.Contains("3: Replicate match=3 next=4", leader.Node.Describe(), StringComparison.Ordinal);
    }

    [Fact]
    public void S5_an_installed_snapshot_replaces_the_log_and_is_acknowledged_when_durable()
    {
        var subject = new Subject(term: 1, log: "1/1 1/2");
        var configuration = new GroupConfiguration([Id(1), Id(2), Id(3), Id(4)]);
        subject.Step(Snapshot(2, At(2, 5), configuration), Append(2, 2, At(2, 5), "2/6", commit: 6));
        Assert.True(subject.Node.TryGetReady(out var ready));
        Assert.Equal(At(2, 5), ready.SnapshotToInstall?.LastIncluded);
        Assert.Equal([At(2, 6)], ready.EntriesToPersist.Select(entry => entry.Id));
        Assert.Equal(["1->2 AppendAccepted term=2 match=5", "1->2 AppendAccepted term=2 match=6"], ready.MessagesAfterPersist.Select(Conversation.Of));
        Assert.Empty(ready.EntriesToApply);
        Assert.Equal(new HardState(new Term(2), ReplicaId.None, new LogIndex(6)), ready.HardState);
        subject.Node.Advance();
        Assert.Equal((new LogIndex(5), configuration), (subject.Node.Applied, subject.Node.Configuration));
        Assert.True(subject.Node.TryGetReady(out var next));
        Assert.Equal([At(2, 6)], next.EntriesToApply.Select(entry => entry.Id));
    }

    [Fact]
    public void S5_a_snapshot_that_ends_in_the_own_log_only_commits()
    {
        var subject = new Subject(term: 1, log: "1/1 1/2 1/3");
        subject.Step(Snapshot(1, At(1, 2), subject.Node.Configuration));
        Assert.True(subject.Node.TryGetReady(out var ready));
        Assert.Null(ready.SnapshotToInstall);
        Assert.Equal((new LogIndex(2), At(1, 3)), (subject.Node.Commit, subject.Node.LastEntry));
    }

    [Fact]
    public void S5_a_snapshot_that_conflicts_with_the_own_log_takes_its_place()
    {
        var subject = new Subject(term: 1, log: "1/1 1/2 1/3");
        subject.Step(Snapshot(3, At(2, 2), subject.Node.Configuration));
        Assert.Equal((At(2, 2), new LogIndex(2)), (subject.Node.LastEntry, subject.Node.Commit));
    }

    [Fact]
    public void S5_a_snapshot_older_than_the_commit_index_changes_nothing()
    {
        var subject = new Subject();
        subject.Answer(Append(2, 1, EntryId.Zero, "1/1 1/2 1/3", commit: 3));
        Assert.Equal(["1->2 AppendAccepted term=1 match=3"], subject.Answer(Snapshot(1, At(1, 2), subject.Node.Configuration)));
        Assert.Equal((EntryId.Zero, At(1, 3)), (subject.Node.CompactedTo, subject.Node.LastEntry));

        // Nor does one whose last entry was compacted since.
        subject.Node.CompactTo(new LogIndex(3));
        Assert.Equal(["1->2 AppendAccepted term=1 match=3"], subject.Answer(Snapshot(1, At(1, 2), subject.Node.Configuration)));
        Assert.Equal((At(1, 3), At(1, 3)), (subject.Node.CompactedTo, subject.Node.LastEntry));
    }

    [Fact]
    public void S5_an_append_that_begins_in_the_compacted_part_is_taken_from_there_on()
    {
        var subject = new Subject();
        subject.Answer(Append(2, 1, EntryId.Zero, "1/1 1/2 1/3", commit: 3));
        subject.Node.CompactTo(new LogIndex(2));
        Assert.Equal(["1->2 AppendAccepted term=1 match=4"], subject.Answer(Append(2, 1, At(1, 1), "1/2 1/3 1/4", commit: 3)));
        Assert.Equal(["1->2 AppendAccepted term=1 match=3"], subject.Answer(Append(2, 1, EntryId.Zero, "")));
        Assert.Equal(At(1, 4), subject.Node.LastEntry);
    }

    [Fact]
    public void S5_compaction_forgets_entries_and_their_bytes_but_not_the_term()
    {
        var subject = new Subject();
        subject.Answer(Append(2, 1, EntryId.Zero, "1/1 1/2 1/3", commit: 2));
        var before = subject.Node.RetainedBytes;
        subject.Node.CompactTo(new LogIndex(2));
        subject.Node.CompactTo(new LogIndex(1));
        Assert.Equal((At(1, 2), before / 3), (subject.Node.CompactedTo, subject.Node.RetainedBytes));
        Assert.Equal(At(1, 2), subject.Node.SnapshotAt(new LogIndex(2)).LastIncluded);
        Assert.Throws<RaftInvariantException>(() => subject.Node.CompactTo(new LogIndex(3)));
        Assert.Throws<RaftInvariantException>(() => subject.Node.SnapshotAt(new LogIndex(1)));
        Assert.Throws<RaftInvariantException>(() => subject.Node.SnapshotAt(new LogIndex(3)));
    }

    [Fact]
    public void S3_10_the_target_is_caught_up_first_and_proposals_wait_elsewhere()
    {
        var leader = new Subject().LeadCommitted();
        leader.Node.Propose("x"u8.ToArray());
        Assert.True(leader.Node.TransferLeadership(Id(2)));
        Assert.Equal(ProposalRefusal.TransferInProgress, leader.Node.Propose("y"u8.ToArray()).Refusal);
        Assert.DoesNotContain(leader.Messages(), message => message is TimeoutNowRequest);
        Assert.DoesNotContain(leader.Answer(leader.Accepted(3, 2)), said => said.Contains("TimeoutNow", StringComparison.Ordinal));
        Assert.Contains("1->2 TimeoutNowRequest term=1", leader.Answer(leader.Accepted(2, 2)));
    }

    [Fact]
    public void S3_10_a_leader_that_is_about_to_stop_hands_over_to_whoever_holds_the_most_and_was_heard_lately()
    {
        var leader = new Subject(size: 5).LeadCommitted();
        leader.Node.Propose("x"u8.ToArray());
        leader.Messages();
        leader.Step(leader.Accepted(4, 2), leader.Accepted(5, 2));
        leader.Messages();
        Assert.True(leader.Node.HandOverLeadership());
        Assert.Contains("1->4 TimeoutNowRequest term=1", leader.Said());
    }

    [Fact]
    public void S3_10_it_hands_over_to_nobody_who_has_fallen_silent_and_holds_no_leadership_to_hand_over_otherwise()
    {
        var leader = new Subject(size: 5).LeadCommitted();
        leader.Node.Propose("x"u8.ToArray());
        leader.Messages();
        leader.Step(leader.Accepted(2, 2));
        for (var i = 0; i < T; i++)
        {
            leader.Tick();
            leader.Step(leader.Heard(3, 1), leader.Heard(5, 1));
            leader.Messages();
        }

        Assert.True(leader.Node.HandOverLeadership());
        Assert.DoesNotContain(leader.Said(), said => said.Contains("TimeoutNow", StringComparison.Ordinal));
        Assert.Contains("1->3 TimeoutNowRequest term=1", leader.Answer(leader.Accepted(3, 2)));
        Assert.False(new Subject().Node.HandOverLeadership());
    }

    [Fact]
    public void S3_10_a_transfer_is_given_up_after_T()
    {
        var leader = new Subject().LeadCommitted();
        leader.Node.TransferLeadership(Id(2));
        for (var i = 0; i < T; i++)
        {
            Assert.Equal(ProposalRefusal.TransferInProgress, leader.Node.Propose("x"u8.ToArray()).Refusal);
            leader.Tick();
            leader.Step(leader.Heard(2, 1), leader.Heard(3, 1));
        }

        Assert.True(leader.Node.Propose("x"u8.ToArray()).Accepted);
    }

    [Fact]
    public void S3_10_only_a_leader_transfers_and_only_to_a_voter()
    {
        var leader = new Subject().LeadCommitted();
        Assert.False(leader.Node.TransferLeadership(Id(9)));
        Assert.True(leader.Node.TransferLeadership(Id(1)));
        Assert.True(leader.Node.Propose("x"u8.ToArray()).Accepted);
        Assert.False(new Subject().Node.TransferLeadership(Id(2)));
    }

    [Fact]
    public void S3_10_the_target_campaigns_at_once_without_pre_vote()
    {
        var subject = new Subject();
        subject.Step(new HeartbeatRequest(Id(2), Id(1), new Term(1), LogIndex.Zero, 1));
        Assert.Equal(
            ["1->2 VoteRequest term=2 last=0/0 transfer", "1->3 VoteRequest term=2 last=0/0 transfer"],
            subject.Answer(new TimeoutNowRequest(Id(2), Id(1), new Term(1))));
    }

    /// <summary>Leads term 2 with entries 1 to 4 that 2 holds too; 3 has nothing, and entries up to 3 are compacted.</summary>
    private static Subject CompactedLeader()
    {
        var leader = new Subject(term: 1, log: "1/1 1/2").Lead();
        leader.Node.Propose("x"u8.ToArray());
        leader.Messages();
        leader.Step(leader.Accepted(2, 4));
        leader.Messages();
        leader.Node.CompactTo(new LogIndex(3));
        leader.Step(new AppendRejected(Id(3), Id(1), leader.Node.Term, new LogIndex(2), EntryId.Zero));
        return leader;
    }

    private static SnapshotRequest Snapshot(ulong term, EntryId last, GroupConfiguration configuration) =>
        new(Id(2), Id(1), new Term(term), new SnapshotMetadata(last, configuration));

    private static List<ReadState> Reads(Subject subject)
    {
        var reads = new List<ReadState>();
        while (subject.Node.TryGetReady(out var ready))
        {
            reads.AddRange(ready.ReadStates);
            subject.Node.Advance();
        }

        return reads;
    }
}
