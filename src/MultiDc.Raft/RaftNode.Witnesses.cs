using System.Collections.Immutable;

namespace MultiDc.Raft;

/// <summary>
/// What a leader tells a witness, ids without payloads and metadata without state, and whom it does not wait for. The argument is in
/// <see cref="CommitQuorum"/>.
/// </summary>
public sealed partial class RaftNode
{
    // Where there are witnesses, a new leader here does not wait for the one of before: it was silent for an election timeout, or said to be gone,
    // and not heard since.
    private ReplicaId missedLeader;

    /// <summary>
    /// The host has reason to believe that a follower's process is gone, as for <see cref="ForgetLeader"/>. Where there are witnesses commits wait for
    /// it no longer, as if it had been silent for an election timeout: until it is heard and has caught up. When the host is wrong, that is
    /// soon; meanwhile it may lack what a witness knows, and could not be elected if this leader were lost.
    /// </summary>
    public void ReportGone(ReplicaId follower)
    {
        if (Role == RaftRole.Leader && followers.TryGetValue(follower, out var gone))
        {
            Hit(RaftProbe.FollowerLeftOut);
            gone.LeaveOut();
        }
    }

    private void LeaveOutMissedLeader() => ReportGone(missedLeader);

    /// <summary>
    /// Up to where a follower is told of the log. A witness that knew of an entry before enough full voters hold it could refuse its vote to
    /// all that are left when the leader is lost.
    /// </summary>
    private LogIndex LastEntryFor(ReplicaId to) => Configuration.IsWitness(to)
        ? Min(log.Last.Index, new CommitQuorum(Configuration).ReachedByFullVoters(DurableAt, IsLeftOut))
        : log.Last.Index;

    private ImmutableArray<LogEntry> EntriesFor(ReplicaId to, ImmutableArray<LogEntry> entries) =>
        Configuration.IsWitness(to) ? [.. entries.Select(WithoutPayload)] : entries;

    private static LogEntry WithoutPayload(LogEntry entry) =>
        entry.Kind == EntryKind.Command ? new LogEntry(entry.Id, EntryKind.WithheldCommand, default) : entry;

    /// <summary>There is no state to stream, so the metadata is all of the snapshot. It may be lost, like any message.</summary>
    private void SendSnapshotToWitness(ReplicaId to, Progress follower)
    {
        Hit(RaftProbe.WitnessSnapshotSent);
        Send(new SnapshotRequest(Id, to, Term, SnapshotAt(Applied)));
        follower.NeedSnapshot();
        follower.SnapshotEnded(Applied, delivered: false);
    }
}
