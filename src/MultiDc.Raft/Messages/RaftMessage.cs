using System.Collections.Immutable;

namespace MultiDc.Raft;

/// <summary>
/// A message between two replicas of one group. Messages may be lost, doubled, delayed and reordered; nothing in the core assumes
/// otherwise. One sealed record per message, no field that changes its meaning.
/// </summary>
/// <param name="From">The sender.</param>
/// <param name="To">The receiver.</param>
/// <param name="Term">The sender's term (for the pre-vote pair see those).</param>
public abstract record RaftMessage(ReplicaId From, ReplicaId To, Term Term);

/// <summary>"Would you vote for me in this term?" Changes nothing at the receiver (§9.6).</summary>
/// <param name="From">The pre-candidate.</param>
/// <param name="To">A voter.</param>
/// <param name="Term">The term it would campaign in: its own plus one.</param>
/// <param name="LastEntry">The end of its log.</param>
public sealed record PreVoteRequest(ReplicaId From, ReplicaId To, Term Term, EntryId LastEntry) : RaftMessage(From, To, Term);

/// <summary>The answer to a <see cref="PreVoteRequest"/>.</summary>
/// <param name="From">The voter.</param>
/// <param name="To">The pre-candidate.</param>
/// <param name="Term">When granted, the term asked about; when refused, the voter's own term.</param>
/// <param name="Granted">Whether it would vote for the pre-candidate.</param>
public sealed record PreVoteResponse(ReplicaId From, ReplicaId To, Term Term, bool Granted) : RaftMessage(From, To, Term);

/// <summary>RequestVote (§3.4).</summary>
/// <param name="From">The candidate.</param>
/// <param name="To">A voter.</param>
/// <param name="Term">The candidate's term.</param>
/// <param name="LastEntry">The end of its log.</param>
/// <param name="LeadershipTransfer">The leader itself asked for this election, so the receiver's leader lease does not hold it back (§3.10, §4.2.3).</param>
public sealed record VoteRequest(ReplicaId From, ReplicaId To, Term Term, EntryId LastEntry, bool LeadershipTransfer) : RaftMessage(From, To, Term);

/// <summary>The answer to a <see cref="VoteRequest"/>; durable before it is sent.</summary>
/// <param name="From">The voter.</param>
/// <param name="To">The candidate.</param>
/// <param name="Term">The voter's term.</param>
/// <param name="Granted">Whether the vote was given.</param>
public sealed record VoteResponse(ReplicaId From, ReplicaId To, Term Term, bool Granted) : RaftMessage(From, To, Term);

/// <summary>AppendEntries with entries, or a probe without (§3.5).</summary>
/// <param name="From">The leader.</param>
/// <param name="To">A follower.</param>
/// <param name="Term">The leader's term.</param>
/// <param name="Previous">The entry right before <paramref name="Entries"/>.</param>
/// <param name="Entries">Contiguous entries from <c>Previous.Index + 1</c>; may be empty.</param>
/// <param name="Commit">The leader's commit index.</param>
public sealed record AppendRequest(ReplicaId From, ReplicaId To, Term Term, EntryId Previous, ImmutableArray<LogEntry> Entries, LogIndex Commit)
    : RaftMessage(From, To, Term);

/// <summary>The follower holds, durably, everything up to <paramref name="Match"/> as the leader of this term has it.</summary>
/// <param name="From">The follower.</param>
/// <param name="To">The leader.</param>
/// <param name="Term">The follower's term.</param>
/// <param name="Match">The last index known to agree with the leader's log.</param>
public sealed record AppendAccepted(ReplicaId From, ReplicaId To, Term Term, LogIndex Match) : RaftMessage(From, To, Term);

/// <summary>The follower does not hold <paramref name="RejectedPrevious"/>; the leader backs off to <paramref name="Hint"/> (§3.5, §5.3 of the paper's fast back-off).</summary>
/// <param name="From">The follower.</param>
/// <param name="To">The leader.</param>
/// <param name="Term">The follower's term.</param>
/// <param name="RejectedPrevious">The index the request named as previous; identifies the request among reordered ones.</param>
/// <param name="Hint">The follower's entry with the greatest index at which the logs may agree, at most the rejected index.</param>
public sealed record AppendRejected(ReplicaId From, ReplicaId To, Term Term, LogIndex RejectedPrevious, EntryId Hint) : RaftMessage(From, To, Term);

/// <summary>Keeps followers from campaigning, tells them what is committed, and confirms leadership for reads.</summary>
/// <param name="From">The leader.</param>
/// <param name="To">A follower.</param>
/// <param name="Term">The leader's term.</param>
/// <param name="Commit">The leader's commit index, never above what this follower is known to hold.</param>
/// <param name="Round">The ReadIndex round this heartbeat opens or repeats (§6.4); grows within a term.</param>
public sealed record HeartbeatRequest(ReplicaId From, ReplicaId To, Term Term, LogIndex Commit, ulong Round) : RaftMessage(From, To, Term);

/// <summary>The answer to a <see cref="HeartbeatRequest"/>.</summary>
/// <param name="From">The follower.</param>
/// <param name="To">The leader.</param>
/// <param name="Term">The follower's term.</param>
/// <param name="Round">The round answered: confirms this one and every earlier one, never a later one.</param>
/// <param name="Promise">What the leader may count on for its lease (§6.4.1).</param>
public sealed record HeartbeatResponse(ReplicaId From, ReplicaId To, Term Term, ulong Round, LeasePromise Promise = default) : RaftMessage(From, To, Term);

/// <summary>
/// InstallSnapshot (§5). The state itself does not pass through the core: the host streams it and hands this to <see cref="RaftNode.Step"/>
/// when all of it is staged at the receiver.
/// </summary>
/// <param name="From">The leader.</param>
/// <param name="To">A follower.</param>
/// <param name="Term">The leader's term when the snapshot was asked for (<see cref="Ready.SnapshotsToSend"/>), not when the stream ended.</param>
/// <param name="Snapshot">What was staged.</param>
public sealed record SnapshotRequest(ReplicaId From, ReplicaId To, Term Term, SnapshotMetadata Snapshot) : RaftMessage(From, To, Term);

/// <summary>"Nothing is going on: rest." Sent by an idle leader to every member in place of a heartbeat.</summary>
/// <param name="From">The leader.</param>
/// <param name="To">A member.</param>
/// <param name="Term">The leader's term.</param>
/// <param name="Last">The end of the leader's log, committed and applied; whoever is not as far does not rest.</param>
/// <param name="Round">Names this attempt among the rounds of the term.</param>
public sealed record QuiesceRequest(ReplicaId From, ReplicaId To, Term Term, EntryId Last, ulong Round) : RaftMessage(From, To, Term);

/// <summary>The sender rests; it is woken by any message but another <see cref="QuiesceRequest"/>.</summary>
/// <param name="From">The member.</param>
/// <param name="To">The leader.</param>
/// <param name="Term">The member's term.</param>
/// <param name="Round">The attempt answered.</param>
public sealed record QuiesceResponse(ReplicaId From, ReplicaId To, Term Term, ulong Round) : RaftMessage(From, To, Term);

/// <summary>"Something is wanted of the group." From a follower that rested, to all members; it says nothing but that it came.</summary>
/// <param name="From">A member.</param>
/// <param name="To">Another.</param>
/// <param name="Term">The sender's term.</param>
public sealed record WakeRequest(ReplicaId From, ReplicaId To, Term Term) : RaftMessage(From, To, Term);

/// <summary>"Campaign now" (§3.10): the leader hands its leadership to a follower that holds its whole log.</summary>
/// <param name="From">The leader.</param>
/// <param name="To">The chosen follower.</param>
/// <param name="Term">The leader's term.</param>
public sealed record TimeoutNowRequest(ReplicaId From, ReplicaId To, Term Term) : RaftMessage(From, To, Term);
