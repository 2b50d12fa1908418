namespace MultiDc.Raft;

/// <summary>Log compaction and followers that need what was compacted (§5). The state itself is the host's business.</summary>
public sealed partial class RaftNode
{
    private readonly List<ReplicaId> snapshotsToSend = [];

    /// <summary>The metadata of a snapshot of the state machine as it is at <paramref name="applied"/> (between <see cref="CompactedTo"/> and <see cref="Applied"/>).</summary>
    public SnapshotMetadata SnapshotAt(LogIndex applied)
    {
        Invariant.Require(applied >= CompactedTo.Index && applied <= Applied, "a snapshot holds what was applied, and the log knows its term");
        return new SnapshotMetadata(new EntryId(log.TermAt(applied)!.Value, applied), log.ConfigurationAt(applied));
    }

    /// <summary>
    /// The index up to which every follower that was heard within an election timeout, and waits for no snapshot, holds the log; the last
    /// index when there is none. What comes after it is still wanted by somebody.
    /// </summary>
    public LogIndex LeastMatchHeard() => followers.Values
        .Where(follower => follower.State != ProgressState.Snapshot && follower.TicksSinceHeard < options.ElectionTimeoutTicks)
        .Aggregate(log.Last.Index, (least, follower) => Min(least, follower.Match));

    /// <summary>Forgets entries up to <paramref name="index"/>, which must be applied. The host compacts its store alongside.</summary>
    public void CompactTo(LogIndex index)
    {
        Invariant.Require(index <= Applied, "only applied entries are compacted (§5.1)");
        if (index > CompactedTo.Index)
        {
            log.CompactTo(index);
        }
    }

    /// <summary>Tells the leader that a snapshot stream ended; after a failure the follower is probed again and the snapshot asked for again if still needed.</summary>
    public void ReportSnapshot(ReplicaId to, bool delivered)
    {
        if (followers.TryGetValue(to, out var follower))
        {
            follower.SnapshotEnded(log.CompactedTo.Index, delivered);
        }
    }

    private void AskForSnapshot(ReplicaId to, Progress follower)
    {
        // To a follower that is away nothing is streamed; its first answer brings it back here. Nor before a replica that joined by the log
        // has applied the entry that tells it its group: a voter that took over such a snapshot would know no group, and vote no more.
        if (IsAway(to) || log.ConfigurationAt(Applied).Voters.IsEmpty)
        {
            Hit(RaftProbe.SnapshotPutOff);
        }
        else if (Configuration.IsWitness(to))
        {
            SendSnapshotToWitness(to, follower);
        }
        else
        {
            Hit(RaftProbe.SnapshotNeeded);
            follower.NeedSnapshot();
            snapshotsToSend.Add(to);
        }
    }

    private void AnswerSnapshot(SnapshotRequest request)
    {
        var last = request.Snapshot.LastIncluded;
        if (last.Index > Commit)
        {
            Invariant.Require(last.Term <= Term, "a snapshot is not newer than the leader that sends it");
            if (log.Contains(last))
            {
                // All of it is here already (Log Matching, §3.5); what is committed there is committed here.
                Hit(RaftProbe.SnapshotCoveredByLog);
                CommitTo(last.Index);
            }
            else
            {
                Hit(RaftProbe.SnapshotInstalled);
                Install(request.Snapshot);
            }
        }
        else
        {
            Hit(RaftProbe.StaleSnapshotIgnored);
        }

        Send(new AppendAccepted(Id, request.From, Term, Commit));
    }

    private void Install(SnapshotMetadata snapshot)
    {
        log.ResetTo(snapshot);
        Commit = appliedOffered = snapshot.LastIncluded.Index;
        snapshotToInstall = snapshot;
    }
}
