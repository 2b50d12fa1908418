using static MultiDc.Raft.Tests.Subject;

namespace MultiDc.Raft.Tests.Paper;

/// <summary>Chapter 4 of the dissertation, sentence by sentence.</summary>
public sealed class MembershipTests
{
    private static readonly ConfigurationChange AddLearner4 = new(ConfigurationChangeKind.AddLearner, Id(4));

    [Fact(DisplayName = "§4.1: the new configuration takes effect on each server as soon as it is added to that server's log")]
    public void A_configuration_is_in_force_when_appended()
    {
        var leader = new Subject().LeadCommitted();
        Assert.True(leader.Node.ProposeConfiguration([AddLearner4], ConfigurationTransition.Auto).Accepted);
        Assert.True(leader.Node.Configuration.IsLearner(Id(4)));
        Assert.True(leader.Node.LastEntry.Index > leader.Node.Commit);

        var follower = new Subject();
        follower.Step(Change(1, EntryId.Zero, Voters(1, 2, 3, 4)));
        Assert.Equal(Voters(1, 2, 3, 4), follower.Node.Configuration);
        Assert.Equal(LogIndex.Zero, follower.Node.Commit);
    }

    [Fact(DisplayName = "§4.1: a server must be prepared to fall back to the previous configuration in its log")]
    public void A_truncated_configuration_is_out_of_force()
    {
        var follower = new Subject();
        follower.Step(Change(1, EntryId.Zero, Voters(1, 2, 3, 4)));
        follower.Messages();
        follower.Step(Append(3, 2, EntryId.Zero, "2/1"));
        Assert.Equal(Voters(1, 2, 3), follower.Node.Configuration);
        follower.Messages();
        follower.Restart();
        Assert.Equal(Voters(1, 2, 3), follower.Node.Configuration);
    }

    [Fact(DisplayName = "§4.1: a server always uses the latest configuration in its log, also after a restart and a compaction")]
    public void The_configuration_survives_restart_and_compaction()
    {
        var follower = new Subject();
        follower.Step(Change(1, EntryId.Zero, Voters(1, 2, 3, 4), commit: 1));
        follower.Messages();
        follower.Step(Append(2, 1, At(1, 1), "1/2 1/3", commit: 3));
        follower.Messages();
        follower.Restart();
        Assert.Equal(Voters(1, 2, 3, 4), follower.Node.Configuration);

        Assert.Equal(Voters(1, 2, 3, 4), follower.Node.SnapshotAt(new LogIndex(2)).Configuration);
        Assert.Equal(Voters(1, 2, 3), follower.Node.SnapshotAt(LogIndex.Zero).Configuration);
        var snapshot = follower.Node.SnapshotAt(new LogIndex(2));
        follower.Node.CompactTo(new LogIndex(2));
        follower.Disk.CompactTo(snapshot);
        follower.Node.Check();
        follower.Restart();
        Assert.Equal(Voters(1, 2, 3, 4), follower.Node.Configuration);
    }

    [Fact(DisplayName = "§4.1: a snapshot holds the configuration as of its last entry, not a later one")]
    public void A_snapshot_names_the_configuration_of_its_time()
    {
        var follower = new Subject();
        follower.Step(Append(2, 1, EntryId.Zero, "1/1", commit: 1));
        follower.Messages();
        follower.Step(Change(1, At(1, 1), Voters(1, 2, 3, 4)));
        follower.Messages();
        Assert.Equal(Voters(1, 2, 3), follower.Node.SnapshotAt(new LogIndex(1)).Configuration);
    }

    [Fact(DisplayName = "§4.1: at most one change at a time: no new one before the last is committed")]
    public void A_second_change_waits_for_the_first()
    {
        var leader = new Subject().LeadCommitted();
        Assert.True(leader.Node.ProposeConfiguration([AddLearner4], ConfigurationTransition.Auto).Accepted);
        var second = new ConfigurationChange(ConfigurationChangeKind.AddLearner, Id(5));
        leader.Messages();
        Assert.Equal(ProposalRefusal.ConfigurationInProgress, leader.Node.ProposeConfiguration([second], ConfigurationTransition.Auto).Refusal);
        leader.Step(leader.Accepted(2, leader.Node.LastEntry.Index.Value));
        Assert.True(leader.Node.ProposeConfiguration([second], ConfigurationTransition.Auto).Accepted);
    }

    [Fact(DisplayName = "raft-dev 2015: a leader may not append a new configuration until it has committed an entry from its current term")]
    public void No_change_before_the_own_term_is_committed()
    {
        var leader = new Subject().Lead();
        Assert.Equal(ProposalRefusal.TermNotCommitted, leader.Node.ProposeConfiguration([AddLearner4], ConfigurationTransition.Auto).Refusal);
        leader.Step(leader.Accepted(2, 1));
        Assert.True(leader.Node.ProposeConfiguration([AddLearner4], ConfigurationTransition.Auto).Accepted);
    }

    [Fact(DisplayName = "§4.1: a new leader with an uncommitted configuration in its log refuses another until that one is committed")]
    public void An_inherited_change_is_one_in_progress()
    {
        var subject = new Subject();
        subject.Step(Change(1, EntryId.Zero, Voters(1, 2, 3, 4)));
        subject.Messages();
        subject.Tick(10);
        subject.Lead();
        Assert.Equal(ProposalRefusal.TermNotCommitted, subject.Node.ProposeConfiguration([], ConfigurationTransition.Auto).Refusal);
        subject.Step(subject.Accepted(2, 2));
        Assert.Equal(LogIndex.Zero, subject.Node.Commit);
        subject.Step(subject.Accepted(3, 2));
        Assert.Equal(new LogIndex(2), subject.Node.Commit);
    }

    [Fact(DisplayName = "§4.1: servers process requests from a leader, and candidates, outside their own configuration")]
    public void Strangers_are_answered()
    {
        var subject = new Subject();
        Assert.Equal(["1->9 AppendAccepted term=1 match=1"], subject.Answer(Append(9, 1, EntryId.Zero, "1/1")));

        var voter = new Subject(term: 1);
        voter.Tick(2 * T);
        voter.Messages();
        Assert.Contains("1->9 VoteResponse term=7 granted", voter.Answer(new VoteRequest(Id(9), Id(1), new Term(7), At(1, 1), false)));
    }

    [Fact(DisplayName = "§4.1: answers of servers outside the configuration count for nothing")]
    public void Strangers_do_not_count()
    {
        var candidate = new Subject();
        candidate.Tick(T);
        candidate.Step(new PreVoteResponse(Id(9), Id(1), candidate.Node.Term.Next(), true));
        Assert.Equal(RaftRole.PreCandidate, candidate.Node.Role);
        candidate.Step(new PreVoteResponse(Id(9), Id(1), new Term(99), false));
        Assert.Equal(Term.Zero, candidate.Node.Term);

        var leader = new Subject().Lead();
        leader.Step(leader.Accepted(9, 1), leader.Heard(9, 1));
        Assert.Equal(LogIndex.Zero, leader.Node.Commit);
    }

    [Fact(DisplayName = "§4.2.1: a learner's vote and acknowledgement do not count")]
    public void A_learner_counts_for_nothing()
    {
        var configuration = Voters(1, 2, 3) with { Learners = [Id(4), Id(5)] };
        var candidate = new Subject(configuration: configuration);
        candidate.Tick(T);
        foreach (var learner in new ulong[] { 4, 5 })
        {
            candidate.Step(new PreVoteResponse(Id(learner), Id(1), candidate.Node.Term.Next(), true));
        }

        Assert.Equal(RaftRole.PreCandidate, candidate.Node.Role);
        candidate.Messages();

        var leader = new Subject(configuration: configuration).Lead();
        leader.Step(leader.Accepted(4, 1), leader.Accepted(5, 1));
        leader.Node.ReadIndex(new ReadRequestId(1));
        Assert.Equal(LogIndex.Zero, leader.Node.Commit);
        leader.Step(leader.Accepted(2, 1));
        Assert.Equal(new LogIndex(1), leader.Node.Commit);
        Assert.Equal(ProposalRefusal.None, leader.Node.ReadIndex(new ReadRequestId(2)));
        leader.Messages();
        leader.Step(leader.Heard(4, 2), leader.Heard(5, 2));
        Assert.False(leader.Node.TryGetReady(out var ready) && ready.ReadStates.Count > 0);
    }

    [Fact(DisplayName = "§4.2.1: a learner never stands for election, and is handed no leadership")]
    public void A_learner_never_stands()
    {
        var learner = new Subject(configuration: Voters(2, 3) with { Learners = [Id(1)] });
        learner.Tick(10 * T);
        learner.Step(new TimeoutNowRequest(Id(2), Id(1), new Term(1)));
        Assert.Equal(RaftRole.Follower, learner.Node.Role);

        var leader = new Subject(configuration: Voters(1, 2, 3) with { Learners = [Id(4)] }).LeadCommitted();
        Assert.False(leader.Node.TransferLeadership(Id(4)));
    }

    [Fact(DisplayName = "§4.2.1: a new server becomes a voter only once it has caught up")]
    public void A_learner_is_promoted_when_it_has_caught_up()
    {
        var leader = new Subject(options: same => same with { CatchUpEntries = 2 }).LeadCommitted();
        ConfigurationChange[] promote = [new(ConfigurationChangeKind.AddVoter, Id(4))];
        Assert.Equal(ProposalRefusal.NotCaughtUp, leader.Node.ProposeConfiguration(promote, ConfigurationTransition.Auto).Refusal);
        leader.Node.ProposeConfiguration([AddLearner4], ConfigurationTransition.Auto);
        leader.Messages();
        leader.Step(leader.Accepted(2, 2));
        for (var i = 0; i < 4; i++)
        {
            leader.Node.Propose(new byte[1]);
        }

        leader.Messages();
        leader.Step(leader.Accepted(4, 3));
        var refused = leader.Node.ProposeConfiguration(promote, ConfigurationTransition.Auto);
        Assert.Equal((ProposalRefusal.NotCaughtUp, "4 must first be a learner within 2 entries of the leader's log, or keep up with it"), (refused.Refusal, refused.Detail));
        leader.Step(leader.Accepted(4, 4));
        Assert.True(leader.Node.ProposeConfiguration(promote, ConfigurationTransition.Auto).Accepted);
    }

    [Fact(DisplayName = "§4.2.1: under load a new server is never level; it has caught up when a round took less than an election timeout")]
    public void A_learner_is_promoted_when_it_keeps_up()
    {
        var leader = new Subject(options: same => same with { CatchUpEntries = 2 }).LeadCommitted();
        leader.Node.ProposeConfiguration([AddLearner4], ConfigurationTransition.Auto);
        ConfigurationChange[] promote = [new(ConfigurationChangeKind.AddVoter, Id(4))];

        // A long round first, then as much in every tick as the one before brought, always ten entries behind.
        var refusals = new List<ProposalRefusal>();
        for (var tick = 0; tick < 4 * T; tick++)
        {
            var before = leader.Node.LastEntry.Index.Value;
            for (var i = 0; i < 10; i++)
            {
                leader.Node.Propose(new byte[1]);
            }

            leader.Tick();
            leader.Messages();
            leader.Step(leader.Accepted(2, before), leader.Accepted(3, before), leader.Accepted(4, tick < 2 * T ? 2 : before));
            refusals.Add(leader.Node.ProposeConfiguration(promote, ConfigurationTransition.Auto).Refusal);
        }

        Assert.All(refusals.Take(2 * T), refusal => Assert.Equal(ProposalRefusal.NotCaughtUp, refusal));
        Assert.Contains(ProposalRefusal.None, refusals);
    }

    [Fact(DisplayName = "§4.2.1: a new server that does not know its group yet would grant no vote, however close behind it is")]
    public void A_learner_is_promoted_when_it_knows_its_group()
    {
        var leader = new Subject().LeadCommitted();
        leader.Node.ProposeConfiguration([AddLearner4], ConfigurationTransition.Auto);
        leader.Messages();
        leader.Step(leader.Accepted(2, 2), leader.Accepted(3, 2), leader.Accepted(4, 1));
        ConfigurationChange[] promote = [new(ConfigurationChangeKind.AddVoter, Id(4))];
        Assert.Equal(ProposalRefusal.NotCaughtUp, leader.Node.ProposeConfiguration(promote, ConfigurationTransition.Auto).Refusal);
        leader.Step(leader.Accepted(4, 2));
        Assert.True(leader.Node.ProposeConfiguration(promote, ConfigurationTransition.Auto).Accepted);
    }

    [Fact(DisplayName = "§4.2.2: a leader that is removed manages the change without counting itself, and steps down when C_new is committed")]
    public void A_removed_leader_steps_down_when_that_is_committed()
    {
        var leader = new Subject().LeadCommitted();
        Assert.True(leader.Node.ProposeConfiguration([new(ConfigurationChangeKind.Remove, Id(1))], ConfigurationTransition.Auto).Accepted);
        leader.Messages();
        leader.Step(leader.Accepted(2, 2));
        Assert.Equal((RaftRole.Leader, new LogIndex(1)), (leader.Node.Role, leader.Node.Commit));
        leader.Step(leader.Accepted(3, 2));
        Assert.Equal((RaftRole.Follower, new LogIndex(2)), (leader.Node.Role, leader.Node.Commit));

        // Its last word, or those that stay would not know that the change is done until they have elected another.
        Assert.Equal(["1->2 AppendRequest term=1 previous=1/2 [] commit=2", "1->3 AppendRequest term=1 previous=1/2 [] commit=2"], leader.Said());
        leader.Tick(10 * T);
        Assert.Equal(RaftRole.Follower, leader.Node.Role);
    }

    [Fact(DisplayName = "§4.2.2: a server that is not part of its latest configuration still starts elections until C_new is committed (figure 4.6)")]
    public void A_removed_leader_can_lead_again_until_that_is_committed()
    {
        var removed = new Subject(size: 2).LeadCommitted();
        Assert.True(removed.Node.ProposeConfiguration([new(ConfigurationChangeKind.Remove, Id(1))], ConfigurationTransition.Auto).Accepted);
        removed.Messages();
        removed.Tick(T);
        Assert.Equal((RaftRole.Follower, Voters(2)), (removed.Node.Role, removed.Node.Configuration));

        // Replica 2 has not heard of it and cannot be elected over this longer log: nobody but this one can.
        removed.Tick(T);
        Assert.Equal(["1->2 PreVoteRequest term=2 last=1/2"], removed.Said());
        removed.Step(new PreVoteResponse(Id(2), Id(1), new Term(2), Granted: true));
        Assert.Equal(["1->2 VoteRequest term=2 last=1/2"], removed.Said());
        Assert.Equal(RaftRole.Candidate, removed.Node.Role);
        removed.Step(new VoteResponse(Id(2), Id(1), new Term(2), Granted: true));
        Assert.Equal(RaftRole.Leader, removed.Node.Role);
        removed.Messages();
        removed.Step(removed.Accepted(2, 3));
        Assert.Equal((RaftRole.Follower, new LogIndex(3)), (removed.Node.Role, removed.Node.Commit));
        removed.Messages();
        removed.Tick(10 * T);
        Assert.Equal(RaftRole.Follower, removed.Node.Role);
    }

    [Fact(DisplayName = "§4.2.2: a learner and a witness never stand, also not after they were removed")]
    public void Who_never_could_stand_does_not_when_removed()
    {
        var learner = new Subject(configuration: Voters(2, 3) with { Learners = [Id(1)] });
        var witness = new Subject(configuration: Voters(1, 2, 3) with { Witnesses = [Id(1)] });
        foreach (var removed in new[] { learner, witness })
        {
            removed.Step(Change(1, EntryId.Zero, Voters(2, 3)));
            removed.Tick(10 * T);
            Assert.Equal((RaftRole.Follower, Voters(2, 3)), (removed.Node.Role, removed.Node.Configuration));
        }
    }

    [Fact(DisplayName = "§4.2.3: a removed server that asks for votes disturbs nobody who hears a leader")]
    public void A_removed_server_does_not_disturb()
    {
        var follower = new Subject(configuration: Voters(1, 2, 4));
        follower.Step(Append(2, 1, EntryId.Zero, "1/1"));
        follower.Messages();
        follower.Step(new VoteRequest(Id(3), Id(1), new Term(9), At(8, 8), false));
        Assert.Equal(new Term(1), follower.Node.Term);
        Assert.Empty(follower.Said());
    }

    [Fact(DisplayName = "§4.3: elections, commits and reads need a majority of C_old and of C_new, counted separately")]
    public void A_joint_configuration_needs_both_majorities()
    {
        var joint = Voters(1, 4, 5) with { OutgoingVoters = [Id(1), Id(2), Id(3)] };
        var candidate = new Subject(configuration: joint);
        candidate.Tick(T);
        candidate.Messages();
        var next = candidate.Node.Term.Next();
        candidate.Step(new PreVoteResponse(Id(4), Id(1), next, true), new PreVoteResponse(Id(5), Id(1), next, true));
        Assert.Equal(RaftRole.PreCandidate, candidate.Node.Role);
        candidate.Step(new PreVoteResponse(Id(2), Id(1), next, true));
        Assert.Equal(RaftRole.Candidate, candidate.Node.Role);
        candidate.Messages();
        candidate.Step(new VoteResponse(Id(2), Id(1), next, true), new VoteResponse(Id(3), Id(1), next, true));
        Assert.Equal(RaftRole.Candidate, candidate.Node.Role);
        candidate.Step(new VoteResponse(Id(4), Id(1), next, true));
        Assert.Equal(RaftRole.Leader, candidate.Node.Role);

        candidate.Messages();
        candidate.Step(candidate.Accepted(4, 1), candidate.Accepted(5, 1));
        Assert.Equal(LogIndex.Zero, candidate.Node.Commit);
        candidate.Step(candidate.Accepted(2, 1));
        Assert.Equal(new LogIndex(1), candidate.Node.Commit);

        candidate.Messages();
        candidate.Node.ReadIndex(new ReadRequestId(7));
        var round = candidate.Messages().OfType<HeartbeatRequest>().Max(heartbeat => heartbeat.Round);
        candidate.Step(candidate.Heard(2, round), candidate.Heard(3, round));
        Assert.False(Served(candidate));
        candidate.Step(candidate.Heard(5, round));
        Assert.True(Served(candidate));
    }

    [Fact(DisplayName = "§4.3: once C_old,new is committed the leader replicates C_new; also one that inherited it")]
    public void A_committed_joint_configuration_is_left()
    {
        var joint = Voters(1, 4, 5) with { OutgoingVoters = [Id(1), Id(2), Id(3)], AutoLeave = true };
        var leader = new Subject(configuration: joint).Lead();
        Assert.True(leader.Node.Configuration.IsJoint);
        leader.Step(leader.Accepted(2, 1), leader.Accepted(4, 1));
        Assert.Equal(Voters(1, 4, 5), leader.Node.Configuration);
        Assert.Equal(new LogIndex(1), leader.Node.Commit);
        leader.Messages();
        leader.Step(leader.Accepted(2, 2));
        Assert.Equal(new LogIndex(1), leader.Node.Commit);
        leader.Step(leader.Accepted(5, 2));
        Assert.Equal(new LogIndex(2), leader.Node.Commit);
    }

    [Fact(DisplayName = "§5: a leader that joined by the log sends no snapshot of a time before it knew its group")]
    public void A_snapshot_is_sent_only_when_its_configuration_is_known()
    {
        var leader = new Subject(configuration: GroupConfiguration.None, options: same => same with { MaxApplyBytes = 1 });
        leader.Step(Append(2, 1, EntryId.Zero, "1/1 1/2", commit: 2));
        leader.Messages();
        leader.Node.CompactTo(new LogIndex(2));
        leader.Step(Append(2, 1, At(1, 2), "1/3 1/4 1/5 1/6", commit: 2), Change(1, At(1, 6), Voters(1, 2, 3), commit: 7));
        leader.NextReady();
        leader.Step(new TimeoutNowRequest(Id(2), Id(1), new Term(1)));
        leader.NextReady();
        leader.Step(new VoteResponse(Id(2), Id(1), new Term(2), true));
        leader.NextReady();
        leader.Step(new AppendRejected(Id(3), Id(1), new Term(2), new LogIndex(7), EntryId.Zero));
        while (leader.NextReady() is { } ready)
        {
            Assert.True(ready.SnapshotsToSend.Count == 0 || leader.Node.Applied >= new LogIndex(7), $"a snapshot to {leader.Node.Applied} names no configuration");
            if (ready.SnapshotsToSend.Count > 0)
            {
                return;
            }
        }

        Assert.Fail("the snapshot was never asked for");
    }

    [Fact(DisplayName = "RethinkDB 5289: a replica that knows no configuration may have lost its disk, and grants no vote")]
    public void A_replica_without_configuration_grants_no_vote()
    {
        var empty = new Subject(configuration: GroupConfiguration.None);
        Assert.Equal(["1->2 PreVoteResponse term=0 refused"], empty.Answer(new PreVoteRequest(Id(2), Id(1), new Term(3), At(2, 9))));
        Assert.Equal(["1->2 VoteResponse term=3 refused"], empty.Answer(new VoteRequest(Id(2), Id(1), new Term(3), At(2, 9), false)));
        empty.Tick(10 * T);
        Assert.Equal(RaftRole.Follower, empty.Node.Role);
        Assert.Equal(["1->2 AppendAccepted term=3 match=1"], empty.Answer(Change(3, EntryId.Zero, Voters(1, 2, 3))));
        empty.Tick(2 * T);
        empty.Messages();
        Assert.Contains("1->2 VoteResponse term=9 granted", empty.Answer(new VoteRequest(Id(2), Id(1), new Term(9), At(3, 9), false)));
    }

    private static bool Served(Subject subject) => subject.Node.TryGetReady(out var ready) && Advanced(subject, ready.ReadStates.Count > 0);

    private static bool Advanced(Subject subject, bool served)
    {
        subject.Node.Advance();
        return served;
    }

    private static AppendRequest Change(ulong term, EntryId previous, GroupConfiguration configuration, ulong commit = 0)
    {
        var payload = new System.Buffers.ArrayBufferWriter<byte>();
        ConfigurationCodec.Encode(configuration, payload);
        var entry = new LogEntry(At(term, previous.Index.Value + 1), EntryKind.Configuration, payload.WrittenMemory);
        return new AppendRequest(Id(2), Id(1), new Term(term), previous, [entry], new LogIndex(commit));
    }
}
