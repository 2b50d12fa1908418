namespace MultiDc;

/// <summary>How fresh a read must be. The default is <see cref="Linearizable"/>.</summary>
public readonly record struct ReadLevel
{
    private ReadLevel(bool isLocal, TimeSpan? maxStaleness) => (IsLocal, MaxStaleness) = (isLocal, maxStaleness);

    /// <summary>Every write that was acknowledged before the read began is seen. Takes a leader that reaches a majority.</summary>
    public static ReadLevel Linearizable => default;

    /// <summary>
    /// Whatever a replica has, the own datacenter's if it answers: served also when the datacenter is cut off from all others. How old it is, the answer
    /// tells as far as it is known. Reads by one client may go back in time when they are served by different replicas.
    /// </summary>
    public static ReadLevel Local => new(true, null);

    /// <summary>Whether any replica may serve the read, not only the leader.</summary>
    public bool IsLocal { get; }

    /// <summary>How old the state may be; null: any age (or, if not <see cref="IsLocal"/>, none).</summary>
    public TimeSpan? MaxStaleness { get; }

    /// <summary>
    /// The state of some moment at most so long ago, from a replica that can prove it, the own datacenter's if it can; else
    /// <see cref="RejectionReason.TooStale"/>. No clocks of different machines are compared: a replica asks its leader now and then how far the log is
    /// committed (dissertation §6.4), and counts from when it asked.
    /// </summary>
    /// <param name="maxStaleness">Greater than zero.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static ReadLevel BoundedStaleness(TimeSpan maxStaleness) => maxStaleness > TimeSpan.Zero
        ? new(true, maxStaleness)
        : throw new ArgumentOutOfRangeException(nameof(maxStaleness), maxStaleness, "a state has some age: the bound is greater than zero");

    /// <inheritdoc/>
    public override string ToString() => !IsLocal ? "linearizable" : MaxStaleness is { } max ? $"at most {max.TotalMilliseconds:0.###} ms old" : "local";
}
