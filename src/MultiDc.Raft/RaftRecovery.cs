namespace MultiDc.Raft;

/// <summary>
/// What was durable when a replica was opened. A <see cref="RaftNode"/> starts from this and from nothing else.
/// Entries are contiguous and start right after <see cref="SnapshotMetadata.LastIncluded"/>.
/// </summary>
/// <param name="HardState">Term, vote and the commit hint.</param>
/// <param name="Snapshot">What the log was compacted into; for a new group <see cref="EntryId.Zero"/> with the founding configuration.</param>
/// <param name="Entries">All retained entries, ascending.</param>
/// <param name="Applied">The index up to which the state machine has applied; at least the snapshot's.</param>
public sealed record RaftRecovery(HardState HardState, SnapshotMetadata Snapshot, IReadOnlyList<LogEntry> Entries, LogIndex Applied);
