namespace MultiDc.Raft;

/// <summary>
/// Changes of the group's membership (§4). A configuration is in force from the moment its entry is in the log (§4.1), and out of force
/// again when that entry is truncated. At most one is uncommitted at a time, and none is proposed before an entry of the leader's own term
/// is committed (Ongaro, raft-dev 2015), so that the majorities of any two that can be in force at once have a replica in common.
/// </summary>
public sealed partial class RaftNode
{
    /// <summary>
    /// Begins a change of the membership if this replica leads: in one step, or through a joint configuration (§4.3). The entry's payload is
    /// the whole configuration that results.
    /// </summary>
    /// <param name="changes">What shall be so afterwards.</param>
    /// <param name="transition">In one step or two, and who ends the second.</param>
    public ProposalResult ProposeConfiguration(IReadOnlyList<ConfigurationChange> changes, ConfigurationTransition transition)
    {
        ArgumentNullException.ThrowIfNull(changes);
        if (DescribeWhyNotNow(leavesJoint: false) is { } refused)
        {
            return refused;
        }

        if (!TryChange(changes, transition, out var next, out var refusal))
        {
            return Refuse(ProposalRefusal.ConfigurationInvalid, refusal);
        }

        return DescribeWhoLagsBehind(next) is { } lags ? Refuse(ProposalRefusal.NotCaughtUp, lags) : AppendConfiguration(next);
    }

    /// <summary>Leaves a joint configuration that was entered explicitly (§4.3).</summary>
    public ProposalResult ProposeLeaveJoint()
    {
        if (DescribeWhyNotNow(leavesJoint: true) is { } refused)
        {
            return refused;
        }

        return ConfigurationChanger.TryLeaveJoint(Configuration, out var next, out var refusal)
            ? AppendConfiguration(next)
            : Refuse(ProposalRefusal.ConfigurationInvalid, refusal);
    }

    private ProposalResult? DescribeWhyNotNow(bool leavesJoint)
    {
        Wake();
        var refusal = Role != RaftRole.Leader ? ProposalRefusal.NotLeader
            : !transferTarget.IsNone ? ProposalRefusal.TransferInProgress
            : log.TermAt(Commit) != Term ? ProposalRefusal.TermNotCommitted
            : log.ConfigurationIndex > Commit || (Configuration.IsJoint && !leavesJoint) ? ProposalRefusal.ConfigurationInProgress
            : ProposalRefusal.None;
        if (refusal == ProposalRefusal.ConfigurationInProgress)
        {
            Hit(RaftProbe.SecondConfigurationChangeRefused);
        }

        return refusal == ProposalRefusal.None ? null : Refuse(refusal, null);
    }

    private bool TryChange(
        IReadOnlyList<ConfigurationChange> changes, ConfigurationTransition transition,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out GroupConfiguration? next,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(false)] out string? refusal) =>
        (transition == ConfigurationTransition.Auto && ConfigurationChanger.TrySimple(Configuration, changes, out next, out refusal))
        || ConfigurationChanger.TryEnterJoint(Configuration, transition != ConfigurationTransition.JointExplicit, changes, out next, out refusal);

    /// <summary>
    /// A full replica votes only after it has caught up as a learner (§4.2.1). A witness comes as it is, since it has little to fetch. But a
    /// majority of those that are to vote must be here and know the group: the change could not be committed without, and should this leader
    /// stop meanwhile, a newcomer that knows no configuration would vote for nobody, for ever if those that do know are too few.
    /// </summary>
    private string? DescribeWhoLagsBehind(GroupConfiguration next)
    {
        if (!options.RequireCatchUp)
        {
            return null;
        }

        var behind = next.Voters.Where(voter => !Configuration.IsVoter(voter) && !next.IsWitness(voter) && !IsCaughtUp(voter)).ToArray();
        if (behind.Length > 0)
        {
            Hit(RaftProbe.LearnerNotCaughtUp);
            return $"{string.Join(' ', behind)} must first be a learner within {options.CatchUpEntries} entries of the leader's log, or keep up with it";
        }

        var here = next.Voters.Where(IsHere).ToArray();
        return 2 * here.Length > next.Voters.Length
            ? null
            : $"of the voters ({string.Join(' ', next.Voters)}) only ({string.Join(' ', here)}) are here and know the group, which is no majority";
    }

    private bool IsHere(ReplicaId voter) =>
        voter == Id || (followers.TryGetValue(voter, out var follower) && !IsAway(voter) && follower.Match >= log.ConfigurationIndex);

    private bool IsCaughtUp(ReplicaId learner) =>
        IsHere(learner)
        && followers.TryGetValue(learner, out var follower)
        && follower.State == ProgressState.Replicate
        && (follower.KeepsUp || follower.Match.Value + (ulong)options.CatchUpEntries >= log.Last.Index.Value);

    private ProposalResult AppendConfiguration(GroupConfiguration next)
    {
        Invariant.Require(log.ConfigurationIndex <= Commit, "one configuration change at a time (§4.1)");
        var payload = new System.Buffers.ArrayBufferWriter<byte>(ConfigurationCodec.EncodedLength(next));
        ConfigurationCodec.Encode(next, payload);
        var entry = new LogEntry(new EntryId(Term, log.Last.Index.Next()), EntryKind.Configuration, payload.WrittenMemory);
        AppendAsLeader(entry);
        FollowConfiguration();
        return new ProposalResult(ProposalRefusal.None, entry.Id);
    }

    /// <summary>Every other member is a follower of this leader, and nobody else is.</summary>
    private void FollowConfiguration()
    {
        var members = Configuration.Members;
        foreach (var gone in followers.Keys.Where(follower => !members.Contains(follower)).ToArray())
        {
            followers.Remove(gone);
        }

        foreach (var member in members)
        {
            if (member != Id && !followers.ContainsKey(member))
            {
                followers.Add(member, new Progress(log.Last.Index.Next(), options));
            }
        }

        if (!Configuration.IsVoter(transferTarget))
        {
            transferTarget = ReplicaId.None;
        }
    }

    /// <summary>
    /// A committed joint configuration is left (§4.3). A leader that is no voter of a committed one has led the change to its end and is not
    /// part of what follows: it steps down (§4.2.2).
    /// </summary>
    private void FollowCommittedConfiguration()
    {
        if (log.ConfigurationIndex > Commit)
        {
            return;
        }

        if (Configuration is { IsJoint: true, AutoLeave: true })
        {
            Hit(RaftProbe.JointLeftByLeader);
            var left = ConfigurationChanger.TryLeaveJoint(Configuration, out var next, out var refusal);
            Invariant.Require(left, $"a joint configuration can be left (§4.3): {refusal}");
            AppendConfiguration(next!);
        }
        else if (!Configuration.IsVoter(Id))
        {
            Hit(RaftProbe.RemovedLeaderSteppedDown);
            SendLastWord();
            BecomeFollower(Term, ReplicaId.None);
        }
    }

    /// <summary>
    /// What a leader that goes has just committed: those that stay would learn it only from the next leader. Said as an append right after
    /// what was sent, so that it holds also for a follower whose answer is still on its way.
    /// </summary>
    private void SendLastWord()
    {
        foreach (var (to, follower) in followers)
        {
            var previous = new LogIndex(follower.Next.Value - 1);
            if (log.TermAt(previous) is { } previousTerm)
            {
                Send(new AppendRequest(Id, to, Term, new EntryId(previousTerm, previous), [], Commit));
            }
        }
    }

    private static ProposalResult Refuse(ProposalRefusal refusal, string? detail) => new(refusal, EntryId.Zero, detail);
}
