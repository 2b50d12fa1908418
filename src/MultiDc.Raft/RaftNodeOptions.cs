namespace MultiDc.Raft;

/// <summary>What a <see cref="RaftNode"/> is told once. Times are counted in ticks; how long a tick lasts is the host's business.</summary>
public sealed record RaftNodeOptions
{
    /// <summary>This replica.</summary>
    public required ReplicaId Id { get; init; }

    /// <summary>
    /// The election timeout T. A follower campaigns after a random time in [T, 2T) without a leader; a leader that has not heard from a
    /// quorum for T steps down (check-quorum); a replica that heard from a leader within T grants no vote (§4.2.3, §6.2); a restarted
    /// replica grants no vote and starts no election for T.
    /// </summary>
    public int ElectionTimeoutTicks { get; init; } = 20;

    /// <summary>A leader sends heartbeats this often. At most a fifth of <see cref="ElectionTimeoutTicks"/>, so that lost ones do not matter.</summary>
    public int HeartbeatTicks { get; init; } = 2;

    /// <summary>The most entry bytes in one <see cref="AppendRequest"/>; a single larger entry travels alone.</summary>
    public int MaxAppendBytes { get; init; } = 256 * 1024;

    /// <summary>The most unacknowledged <see cref="AppendRequest"/>s to one replica (pipelining).</summary>
    public int MaxInflightAppends { get; init; } = 64;

    /// <summary>
    /// No further append is sent to a replica that has this many entry bytes unanswered (pipelining). The last one sent may exceed it, so at
    /// most this and <see cref="MaxAppendBytes"/> are on their way, or one entry larger than that.
    /// </summary>
    public long MaxInflightBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>
    /// The most bytes of entries a leader holds uncommitted; a proposal beyond is refused as <see cref="ProposalRefusal.Overloaded"/>. When
    /// nothing is uncommitted a proposal of any size is taken. Entries that a new leader found uncommitted count as well, since they take
    /// the same memory: it takes no proposals above the limit until its first commit has committed them.
    /// </summary>
    public long MaxUncommittedBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>
    /// Whether followers are told of a commit as soon as there is one, by a heartbeat when there is nothing to append. Off: by the next append or
    /// the next heartbeat, whichever comes first. That halves the messages of a group whose writes come one after the other, and its followers
    /// are up to <see cref="HeartbeatTicks"/> behind what is committed, unless <see cref="RaftNode.TellCommit"/> is called.
    /// </summary>
    public bool TellCommitAtOnce { get; init; } = true;

    /// <summary>
    /// Whether a leader's appends may leave while its own copy of their entries is still being written (dissertation §10.2.1), so that a write takes the longer of
    /// the two instead of their sum. The leader counts itself only when that is durable, in any case. Off: they leave after it.
    /// </summary>
    public bool AppendWhilePersisting { get; init; }

    /// <summary>The most ReadIndex requests that may wait for their quorum round; further ones are refused.</summary>
    public int MaxPendingReads { get; init; } = 4096;

    /// <summary>The most entry bytes handed out by one <see cref="Ready"/> for applying.</summary>
    public int MaxApplyBytes { get; init; } = 1024 * 1024;

    /// <summary>
    /// A group whose leader was asked for nothing in this many ticks falls silent (see <see cref="RaftNode.IsQuiesced"/>); zero: never, and
    /// neither with this replica as a follower. The loss of the leader is then noticed only when something is wanted.
    /// </summary>
    public int QuiesceAfterTicks { get; init; }

    /// <summary>Leader leases (§6.4.1); null: none are given and none relied on, and reads ask a quorum every time.</summary>
    public LeaseOptions? Lease { get; init; }

    /// <summary>Told of the rare branches that the core takes; null: nobody is, and it costs nothing.</summary>
    public IRaftProbes? Probes { get; init; }

    /// <summary>
    /// Whether a replica must be a learner that has caught up before it may vote (§4.2.1), so that a change never leaves a group waiting for
    /// a long copy. Off only to replay others' conversations.
    /// </summary>
    public bool RequireCatchUp { get; init; } = true;

    /// <summary>
    /// How many entries behind the leader's log a learner still counts as caught up. One that is farther behind, as all are under load over a
    /// long way, does when it got within an election timeout all that was in the log when that began (§4.2.1).
    /// </summary>
    public int CatchUpEntries { get; init; } = 256;

    internal void Validate()
    {
        Ensure(!Id.IsNone, "a replica has an id");
        Ensure(HeartbeatTicks >= 1 && ElectionTimeoutTicks >= 5 * HeartbeatTicks, "the election timeout is at least five heartbeats");
        Ensure(MaxAppendBytes > 0 && MaxInflightAppends > 0 && MaxInflightBytes > 0 && MaxUncommittedBytes > 0, "limits are positive");
        Ensure(CatchUpEntries >= 0 && QuiesceAfterTicks >= 0, "limits are positive");
        Ensure(MaxPendingReads > 0 && MaxApplyBytes > 0, "limits are positive");
        if (Lease is { } lease)
        {
            Validate(lease);
        }
    }

    private void Validate(LeaseOptions lease)
    {
        Ensure(lease is { TickNanoseconds: > 0, MarginNanoseconds: >= 0, ClockWindowNanoseconds: > 0 }, "the times of a lease are positive");
        Ensure(lease.TickNanoseconds <= long.MaxValue / 1_000_000 / ElectionTimeoutTicks, "an election timeout is less than two hours");
        Ensure(lease.MaxDriftPpm is > 0 and < 1_000_000, "clocks drift, but one is not twice as fast as another");
        Ensure(lease.LeaseNanoseconds(lease.HeldNanoseconds(ElectionTimeoutTicks)) > 0, "drift and margin leave something of the election timeout");
    }

    private static void Ensure(bool condition, string rule)
    {
        if (!condition)
        {
            throw new ArgumentException(rule);
        }
    }
}
