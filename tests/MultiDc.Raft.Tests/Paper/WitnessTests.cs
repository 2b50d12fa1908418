using static MultiDc.Raft.Tests.Subject;

namespace MultiDc.Raft.Tests.Paper;

/// <summary>What a witness is told, and what it may acknowledge; the argument is in <see cref="CommitQuorum"/>. Replica 3 is the witness.</summary>
public sealed class WitnessTests
{
    private static readonly GroupConfiguration TwoAndAWitness = Voters(1, 2, 3) with { Witnesses = [Id(3)] };

    private static Subject Leader() => new Subject(configuration: TwoAndAWitness).LeadCommitted();

    [Fact]
    public void A_witness_gets_ids_without_payloads_and_only_what_the_full_voters_hold()
    {
        var leader = Leader();
        leader.Node.Propose(new byte[] { 42 });
        Assert.DoesNotContain(leader.Messages(), message => message is AppendRequest { To.Value: 3, Entries.Length: > 0 });
        leader.Step(leader.Accepted(2, 2));
        var append = Assert.Single(leader.Messages().OfType<AppendRequest>(), message => message.To == Id(3));
        var entry = Assert.Single(append.Entries);
        Assert.Equal((At(1, 2), EntryKind.WithheldCommand, 0), (entry.Id, entry.Kind, entry.Payload.Length));
    }

    [Fact]
    public void The_leader_waits_for_a_full_voter_that_it_hears_and_not_for_one_that_is_away()
    {
        var leader = Leader();
        leader.Node.Propose(new byte[1]);
        leader.Messages();
        for (var tick = 1; tick < T; tick++)
        {
            leader.Tick();
            leader.Step(leader.Heard(3, 1));
            Assert.DoesNotContain(leader.Messages(), message => message is AppendRequest { To.Value: 3, Entries.Length: > 0 });
        }

        leader.Tick();
        Assert.Single(leader.Messages(), message => message is AppendRequest { To.Value: 3, Entries.Length: 1 });
        Assert.Equal(new LogIndex(1), leader.Node.Commit);
        leader.Step(leader.Accepted(3, 2));
        Assert.Equal(new LogIndex(2), leader.Node.Commit);
    }

    [Fact]
    public void A_full_voter_whose_process_is_gone_is_not_waited_for_until_it_is_back()
    {
        var leader = Leader();
        leader.Node.Propose(new byte[1]);
        leader.Messages();
        leader.Node.ReportGone(Id(2));
        Assert.Single(leader.Messages(), message => message is AppendRequest { To.Value: 3, Entries.Length: 1 });
        leader.Step(leader.Accepted(3, 2));
        Assert.Equal(new LogIndex(2), leader.Node.Commit);

        leader.Step(leader.Accepted(2, 2));
        leader.Messages();
        leader.Node.Propose(new byte[1]);
        Assert.DoesNotContain(leader.Messages(), message => message is AppendRequest { To.Value: 3, Entries.Length: > 0 });
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(false, false)]
    public void A_new_leader_does_not_wait_for_the_one_that_was_gone_or_silent_unless_it_is_heard(bool isSaidToBeGone, bool staysAway)
    {
        var subject = new Subject(configuration: TwoAndAWitness);
        subject.Step(new HeartbeatRequest(Id(2), Id(1), new Term(1), LogIndex.Zero, 1));
        subject.Messages();
        if (isSaidToBeGone)
        {
            subject.Node.ForgetLeader();
            subject.Tick(T / 4);
        }

        for (var tick = 0; tick < 2 * T && subject.Node.Role == RaftRole.Follower; tick++)
        {
            subject.Tick();
        }

        subject.Messages();
        if (!staysAway)
        {
            subject.Step(new PreVoteResponse(Id(2), Id(1), new Term(1), Granted: false));
        }

        subject.Step(new PreVoteResponse(Id(3), Id(1), new Term(2), Granted: true));
        subject.Messages();
        subject.Step(new VoteResponse(Id(3), Id(1), new Term(2), Granted: true));
        Assert.Equal(RaftRole.Leader, subject.Node.Role);
        subject.Messages();
        subject.Step(new AppendRejected(Id(3), Id(1), new Term(2), LogIndex.Zero, EntryId.Zero), subject.Accepted(3, 0));
        var told = subject.Messages().OfType<AppendRequest>().Where(append => append.To == Id(3)).Sum(append => append.Entries.Length);
        Assert.Equal(staysAway ? 1 : 0, told);
    }

    [Fact]
    public void Whom_another_leader_followed_is_waited_for()
    {
        // 2 was missed, came back and followed 3, which hands over.
        var subject = new Subject(configuration: Voters(1, 2, 3, 4, 5) with { Witnesses = [Id(4), Id(5)] });
        subject.Step(new HeartbeatRequest(Id(2), Id(1), new Term(1), LogIndex.Zero, 1));
        subject.Node.ForgetLeader();
        subject.Step(Subject.Append(3, 2, EntryId.Zero, "2/1"));
        subject.Messages();
        subject.Step(new TimeoutNowRequest(Id(3), Id(1), new Term(2)));
        subject.Messages();
        subject.Step(new VoteResponse(Id(3), Id(1), new Term(3), Granted: true), new VoteResponse(Id(4), Id(1), new Term(3), Granted: true));
        Assert.Equal(RaftRole.Leader, subject.Node.Role);
        subject.Messages();
        subject.Step(subject.Accepted(3, 2), subject.Accepted(4, 1));
        Assert.DoesNotContain(subject.Messages(), message => message is AppendRequest { To.Value: 4, Entries.Length: > 0 });
    }

    [Fact]
    public void A_witness_that_forgets_its_leader_votes_at_once_and_does_not_stand()
    {
        var witness = new Subject(configuration: Voters(1, 2, 3) with { Witnesses = [Id(1)] });
        witness.Step(new HeartbeatRequest(Id(2), Id(1), new Term(1), LogIndex.Zero, 1));
        witness.Messages();
        Assert.Equal(["1->3 PreVoteResponse term=1 refused"], witness.Answer(new PreVoteRequest(Id(3), Id(1), new Term(2), At(0, 0))));
        witness.Node.ForgetLeader();
        Assert.Equal(["1->3 PreVoteResponse term=2 granted"], witness.Answer(new PreVoteRequest(Id(3), Id(1), new Term(2), At(0, 0))));
        Assert.Equal(["1->3 VoteResponse term=2 granted"], witness.Answer(new VoteRequest(Id(3), Id(1), new Term(2), At(0, 0), false)));
        witness.Tick(5 * T);
        Assert.Equal(RaftRole.Follower, witness.Node.Role);
    }

    [Fact]
    public void A_learner_that_forgets_its_leader_votes_too_since_it_may_be_a_voter_without_knowing()
    {
        var learner = new Subject(configuration: Voters(2, 3) with { Learners = [Id(1)] });
        learner.Step(new HeartbeatRequest(Id(2), Id(1), new Term(1), LogIndex.Zero, 1));
        learner.Messages();
        learner.Node.ForgetLeader();
        Assert.Equal(["1->3 PreVoteResponse term=2 granted"], learner.Answer(new PreVoteRequest(Id(3), Id(1), new Term(2), At(0, 0))));
    }

    [Fact]
    public void The_leader_does_not_wait_for_a_full_voter_that_takes_a_snapshot_until_it_has_caught_up()
    {
        var leader = Leader();
        leader.Node.Propose(new byte[1]);
        for (var tick = 0; tick <= T; tick++)
        {
            leader.Tick();
            leader.Messages();
            leader.Step(leader.Heard(3, 1));
        }

        leader.Messages();
        leader.Step(leader.Accepted(3, 2));
        leader.Messages();
        leader.Node.CompactTo(new LogIndex(2));
        leader.Node.ReportUnreachable(Id(2));
        leader.Step(leader.Heard(2, 1));
        Assert.Equal([Id(2)], leader.NextReady()!.SnapshotsToSend);

        // Also one that is heard all the time it takes.
        leader.Node.Propose(new byte[1]);
        leader.Step(leader.Heard(2, 2));
        leader.Messages();
        leader.Step(leader.Accepted(3, 3));
        Assert.Equal(new LogIndex(3), leader.Node.Commit);

        leader.Step(leader.Accepted(2, 3));
        leader.Messages();
        leader.Node.Propose(new byte[1]);
        Assert.DoesNotContain(leader.Messages(), message => message is AppendRequest { To.Value: 3, Entries.Length: > 0 });
    }

    [Fact]
    public void A_full_voter_that_is_heard_again_is_waited_for_when_it_got_all_of_a_short_round()
    {
        var leader = Leader();
        for (var tick = 0; tick <= T; tick++)
        {
            leader.Node.Propose(new byte[1]);
            leader.Tick();
            leader.Messages();
            leader.Step(leader.Heard(3, 1));
        }

        var last = leader.Node.LastEntry.Index.Value;
        leader.Step(leader.Accepted(3, last), leader.Accepted(2, 2));
        Assert.Equal(last, leader.Node.Commit.Value);

        // The round began at its first word and goes to what was last then; more has come meanwhile.
        leader.Node.Propose(new byte[1]);
        leader.Tick(T - 1);
        leader.Messages();
        leader.Step(leader.Heard(3, 1), leader.Accepted(3, last + 1));
        Assert.Equal(last + 1, leader.Node.Commit.Value);
        leader.Step(leader.Accepted(2, last));
        leader.Node.Propose(new byte[1]);
        leader.Messages();
        leader.Step(leader.Accepted(3, last + 2));
        Assert.Equal(last + 1, leader.Node.Commit.Value);
        leader.Step(leader.Accepted(2, last + 2));
        Assert.Equal(last + 2, leader.Node.Commit.Value);
    }

    [Fact]
    public void A_witness_votes_by_the_ids_it_holds()
    {
        var witness = new Subject(term: 3, log: "1/1 3/2", configuration: Voters(1, 2, 3) with { Witnesses = [Id(1)] });
        witness.Tick(2 * T);
        witness.Messages();
        Assert.Contains("1->2 VoteResponse term=4 refused", witness.Answer(new VoteRequest(Id(2), Id(1), new Term(4), At(3, 1), false)));
        Assert.Contains("1->3 VoteResponse term=5 granted", witness.Answer(new VoteRequest(Id(3), Id(1), new Term(5), At(3, 2), false)));
    }

    [Fact]
    public void A_witness_never_stands_and_is_handed_no_leadership()
    {
        var witness = new Subject(configuration: Voters(1, 2, 3) with { Witnesses = [Id(1)] });
        witness.Tick(10 * T);
        witness.Step(new TimeoutNowRequest(Id(2), Id(1), new Term(1)));
        Assert.Equal(RaftRole.Follower, witness.Node.Role);
        Assert.False(Leader().Node.TransferLeadership(Id(3)));
        var leader = Leader();
        Assert.True(leader.Node.HandOverLeadership());
        Assert.DoesNotContain(leader.Messages(), static message => message is TimeoutNowRequest { To.Value: 3 });
    }

    [Fact]
    public void A_witness_that_needs_a_snapshot_gets_the_metadata_as_a_message_and_again_if_it_is_lost()
    {
        var leader = new Subject(configuration: TwoAndAWitness).Lead();
        leader.Step(leader.Accepted(2, 1));
        leader.Messages();
        leader.Node.Propose(new byte[1]);
        leader.Messages();
        leader.Step(leader.Accepted(2, 2));
        for (var tick = 0; tick < T; tick++)
        {
            leader.Tick();
            leader.Step(leader.Heard(2, 1));
            leader.Messages();
        }

        Assert.Equal(new LogIndex(2), leader.Node.Commit);
        leader.Step(leader.Accepted(3, 2));
        leader.Messages();
        leader.Node.CompactTo(new LogIndex(2));

        // Its disk was lost and it comes back as another witness.
        Assert.True(leader.Node.ProposeConfiguration([new(ConfigurationChangeKind.Remove, Id(3)), new(ConfigurationChangeKind.AddWitness, Id(4))], ConfigurationTransition.Auto).Accepted);
        leader.Messages();
        leader.Step(leader.Accepted(2, leader.Node.LastEntry.Index.Value), leader.Accepted(3, leader.Node.LastEntry.Index.Value));
        leader.Step(new AppendRejected(Id(4), Id(1), leader.Node.Term, new LogIndex(3), EntryId.Zero));
        var first = Assert.Single(leader.Messages().OfType<SnapshotRequest>());
        Assert.Equal((Id(4), new LogIndex(2)), (first.To, first.Snapshot.LastIncluded.Index));
        Assert.DoesNotContain(leader.Messages(), message => message is SnapshotRequest);

        leader.Tick();
        var round = leader.Messages().OfType<HeartbeatRequest>().Max(heartbeat => heartbeat.Round);
        leader.Step(leader.Heard(4, round));
        leader.Messages();
        leader.Step(new AppendRejected(Id(4), Id(1), leader.Node.Term, first.Snapshot.LastIncluded.Index, EntryId.Zero));
        Assert.Single(leader.Messages().OfType<SnapshotRequest>());
    }

    [Fact]
    public void A_witness_installs_metadata_and_follows_its_configuration()
    {
        var joining = new Subject(configuration: GroupConfiguration.None);
        joining.Step(new SnapshotRequest(Id(2), Id(1), new Term(3), new SnapshotMetadata(At(2, 7), Voters(1, 2, 3) with { Witnesses = [Id(1)] })));
        Assert.True(joining.Node.TryGetReady(out var ready));
        Assert.Equal(At(2, 7), ready.SnapshotToInstall!.LastIncluded);
        Assert.True(joining.Node.Configuration.IsWitness(Id(1)));
    }

    [Fact]
    public void An_entry_commits_only_when_full_voters_of_enough_datacenters_hold_it()
    {
        var configuration = Voters(1, 2, 3, 4, 5) with
        {
            Datacenters = System.Collections.Immutable.ImmutableSortedDictionary<ReplicaId, DatacenterTag>.Empty
                .AddRange(new ulong[] { 1, 2, 3, 4, 5 }.Select(id => KeyValuePair.Create(Id(id), new DatacenterTag(id <= 3 ? 1UL : 2)))),
            MinCommitDatacenters = 2,
        };
        var leader = new Subject(configuration: configuration).Lead();
        leader.Step(leader.Accepted(2, 1), leader.Accepted(3, 1));
        Assert.Equal(LogIndex.Zero, leader.Node.Commit);
        leader.Step(leader.Accepted(5, 1));
        Assert.Equal(new LogIndex(1), leader.Node.Commit);
    }

    [Fact]
    public void A_new_witness_is_refused_where_the_others_are_no_majority()
    {
        var leader = new Subject(size: 1);
        leader.Tick();
        leader.Messages();
        var refused = leader.Node.ProposeConfiguration([new(ConfigurationChangeKind.AddWitness, Id(3))], ConfigurationTransition.Auto);
        Assert.Equal(
            (ProposalRefusal.NotCaughtUp, "of the voters (1 3) only (1) are here and know the group, which is no majority"), (refused.Refusal, refused.Detail));
    }

    [Fact]
    public void A_new_witness_is_refused_where_the_others_that_are_here_are_no_majority()
    {
        var leader = Leader();
        for (var tick = 0; tick < T; tick++)
        {
            leader.Tick();
            leader.Step(leader.Heard(2, 1));
        }

        // The old witness is gone for good. With it and the new one, which knows nothing yet, missing, two of four could elect nobody.
        var refused = leader.Node.ProposeConfiguration([new(ConfigurationChangeKind.AddWitness, Id(4))], ConfigurationTransition.Auto);
        Assert.Equal(
            (ProposalRefusal.NotCaughtUp, "of the voters (1 2 3 4) only (1 2) are here and know the group, which is no majority"), (refused.Refusal, refused.Detail));
        Assert.True(leader.Node.ProposeConfiguration(
            [new(ConfigurationChangeKind.Remove, Id(3)), new(ConfigurationChangeKind.AddWitness, Id(4))], ConfigurationTransition.Auto).Accepted);
    }

    [Fact]
    public void A_voter_does_not_leave_to_a_witness_that_knows_no_configuration_yet()
    {
        var leader = new Subject(size: 2).LeadCommitted();
        Assert.True(leader.Node.ProposeConfiguration([new(ConfigurationChangeKind.AddWitness, Id(3))], ConfigurationTransition.Auto).Accepted);
        leader.Messages();
        leader.Step(leader.Accepted(2, 2));
        leader.Messages();

        // Committed without the witness. Were it needed now and the leader lost, it would vote for nobody.
        ConfigurationChange[] demote = [new(ConfigurationChangeKind.AddLearner, Id(2))];
        Assert.Equal(ProposalRefusal.NotCaughtUp, leader.Node.ProposeConfiguration(demote, ConfigurationTransition.Auto).Refusal);
        leader.Step(leader.Accepted(3, 1));
        Assert.Equal(ProposalRefusal.NotCaughtUp, leader.Node.ProposeConfiguration(demote, ConfigurationTransition.Auto).Refusal);
        leader.Step(leader.Accepted(3, 2));
        Assert.True(leader.Node.ProposeConfiguration(demote, ConfigurationTransition.Auto).Accepted);
    }
}
