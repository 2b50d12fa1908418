namespace MultiDc.Raft;

/// <summary>Which part a replica plays (§3.2, §9.6).</summary>
public enum RaftRole
{
    /// <summary>Answers a leader.</summary>
    Follower,

    /// <summary>Asks whether an election could be won.</summary>
    PreCandidate,

    /// <summary>Stands for election.</summary>
    Candidate,

    /// <summary>Orders the log.</summary>
    Leader,
}

/// <summary>A caller's name for a linearizable read; unique among the reads that wait.</summary>
/// <param name="Value">Any number the host chooses.</param>
public readonly record struct ReadRequestId(ulong Value);

/// <summary>The read may be served from a state machine that has applied at least <paramref name="Index"/> (§6.4).</summary>
/// <param name="Id">The request.</param>
/// <param name="Index">The read index.</param>
public readonly record struct ReadState(ReadRequestId Id, LogIndex Index);

/// <summary>
/// What the host must do next, in this order: (1) make <see cref="HardState"/>, <see cref="SnapshotToInstall"/> and
/// <see cref="EntriesToPersist"/> durable in one atomic write; (2) send <see cref="MessagesAfterPersist"/>; (3) apply
/// <see cref="EntriesToApply"/>, then serve <see cref="ReadStates"/>; (4) call <see cref="RaftNode.Advance"/>. A crash between any two
/// of these is safe; another order is not. <see cref="MessagesWhilePersisting"/> may be sent at any time before (3).
/// </summary>
public sealed record Ready
{
    /// <summary>Term, vote and commit, when the term or vote changed since the last Ready (the commit hint rides along).</summary>
    public HardState? HardState { get; init; }

    /// <summary>
    /// A snapshot that replaces the whole log and state, staged by the host when it stepped the <see cref="SnapshotRequest"/>.
    /// When set, <see cref="EntriesToApply"/> is empty and <see cref="EntriesToPersist"/> starts after it.
    /// </summary>
    public SnapshotMetadata? SnapshotToInstall { get; init; }

    /// <summary>
    /// Contiguous entries to append. They replace everything in the stored log from the first one's index on (a follower's conflicting
    /// suffix, §3.5).
    /// </summary>
    public IReadOnlyList<LogEntry> EntriesToPersist { get; init; } = [];

    /// <summary>
    /// A leader's appends that wait for nothing: each follows an entry that is durable here, so of what a leader says was there before its own entries, nothing
    /// can be forgotten. Empty unless <see cref="RaftNodeOptions.AppendWhilePersisting"/>.
    /// </summary>
    public IReadOnlyList<RaftMessage> MessagesWhilePersisting { get; init; } = [];

    /// <summary>Messages that may leave only after the above is durable.</summary>
    public IReadOnlyList<RaftMessage> MessagesAfterPersist { get; init; } = [];

    /// <summary>Committed entries, contiguous, each handed out exactly once since the recovery; all of them were durable before this Ready.</summary>
    public IReadOnlyList<LogEntry> EntriesToApply { get; init; } = [];

    /// <summary>Reads whose leadership round is confirmed.</summary>
    public IReadOnlyList<ReadState> ReadStates { get; init; } = [];

    /// <summary>Reads that this replica can no longer serve because it lost the leadership: answer "not leader".</summary>
    public IReadOnlyList<ReadRequestId> ReadsLost { get; init; } = [];

    /// <summary>
    /// Followers whose next entry was compacted away: the host streams them its state, then calls
    /// <see cref="RaftNode.ReportSnapshot"/>. Named once per need.
    /// </summary>
    public IReadOnlyList<ReplicaId> SnapshotsToSend { get; init; } = [];
}
