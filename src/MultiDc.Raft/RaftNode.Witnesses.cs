using System.Collections.Immutable;

namespace MultiDc.Raft;

/// <summary>What a leader tells a witness: ids without payloads, and metadata without state. The argument is in <see cref="CommitQuorum"/>.</summary>
public sealed partial class RaftNode
{
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
