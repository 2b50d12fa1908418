namespace MultiDc;

/// <summary>How fresh a read must be. The default is <see cref="Linearizable"/>.</summary>
public readonly record struct ReadLevel
{
    // The default of the struct is linearizable.
    private readonly ReadLevelKind? weaker;

    private ReadLevel(ReadLevelKind? weaker, TimeSpan? maxStaleness = null, ReadSession? session = null, bool prefersOwnReplica = false) =>
        (this.weaker, MaxStaleness, OfSession, PrefersOwnReplica) = (weaker, maxStaleness, session, prefersOwnReplica);

    /// <summary>Every write that was acknowledged before the read began is seen. Takes a leader that reaches a majority.</summary>
    public static ReadLevel Linearizable => default;

    /// <summary>
    /// As fresh as <see cref="Linearizable"/>, but read from the own datacenter's replica after it has asked the leader how far the log is committed and
    /// has applied that much (the field calls it follower read, or ReadIndex forwarded by the follower). The value need not cross the link between the
    /// datacenters and the leader reads nothing: worth it for large values and for shards whose leader is busy with reads. It saves no round trip, the wait until
    /// the follower has applied comes on top, and for small values a plain linearizable read is faster. The leader serves the read when the own replica cannot.
    /// </summary>
    public static ReadLevel LinearizableFollower => new(null, prefersOwnReplica: true);

    /// <summary>
    /// Whatever a replica has, the own datacenter's if it answers: served also when the datacenter is cut off from all others. How old it is, the answer
    /// tells as far as it is known. Reads by one client may go back in time when they are served by different replicas.
    /// </summary>
    public static ReadLevel Local => new(ReadLevelKind.Local);

    /// <summary>What is asked for.</summary>
    public ReadLevelKind Kind => weaker ?? ReadLevelKind.Linearizable;

    /// <summary>Whether any replica may serve the read by what it has, without asking the leader.</summary>
    public bool IsLocal => weaker is not null;

    /// <summary>How old the state may be; null: any age (or, if not <see cref="IsLocal"/>, none).</summary>
    public TimeSpan? MaxStaleness { get; }

    /// <summary>Whose session it is, of a session read; otherwise null.</summary>
    public ReadSession? OfSession { get; }

    /// <summary>Whether a linearizable read is asked of the own datacenter's replica first; see <see cref="LinearizableFollower"/>.</summary>
    public bool PrefersOwnReplica { get; }

    /// <summary>
    /// The state of some moment at most so long ago, from a replica that can prove it, the own datacenter's if it can; else
    /// <see cref="RejectionReason.TooStale"/>. No clocks of different machines are compared: a replica asks its leader now and then how far the log is
    /// committed (dissertation §6.4), and counts from when it asked.
    /// </summary>
    /// <param name="maxStaleness">Greater than zero.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static ReadLevel BoundedStaleness(TimeSpan maxStaleness) => maxStaleness > TimeSpan.Zero
        ? new(ReadLevelKind.BoundedStaleness, maxStaleness)
        : throw new ArgumentOutOfRangeException(nameof(maxStaleness), maxStaleness, "a state has some age: the bound is greater than zero");

    /// <summary>
    /// No older than anything that the session has read or written: it reads its own writes, and never goes back in time (Terry et al. 1994). Served by the own
    /// datacenter's replica when it has got that far, after a short wait if need be; otherwise by another that has, or the leader. What others have written may
    /// be missing, for how long is not bounded.
    /// </summary>
    /// <param name="session">What has been seen so far; the answer is noted in it.</param>
    public static ReadLevel Session(ReadSession session) => new(ReadLevelKind.Session, session: session ?? throw new ArgumentNullException(nameof(session)));

    /// <inheritdoc/>
    public override string ToString() => Kind switch
    {
        ReadLevelKind.Linearizable => PrefersOwnReplica ? "linearizable, by a follower" : "linearizable",
        ReadLevelKind.BoundedStaleness => $"at most {MaxStaleness!.Value.TotalMilliseconds:0.###} ms old",
        ReadLevelKind.Session => "session",
        _ => "local",
    };
}
