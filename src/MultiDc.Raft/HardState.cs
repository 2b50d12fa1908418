namespace MultiDc.Raft;

/// <summary>What a replica must never forget (§3.4, figure 3.1 "persistent state"), plus a commit index that shortens recovery.</summary>
/// <param name="Term">The latest term this replica has seen.</param>
/// <param name="VotedFor">Whom it voted for in that term; <see cref="ReplicaId.None"/> when nobody.</param>
/// <param name="Commit">A commit index known when this was written. A hint: it may lag, the other two may not.</param>
public readonly record struct HardState(Term Term, ReplicaId VotedFor, LogIndex Commit);
