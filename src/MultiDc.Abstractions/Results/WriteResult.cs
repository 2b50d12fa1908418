namespace MultiDc;

/// <summary>The outcome of a write: <see cref="Applied"/>, <see cref="Rejected"/> or <see cref="Unknown"/>. Nothing else, and Unknown is never told as one of the others.</summary>
[GenerateSerializer, Immutable, Alias("MultiDc.WriteResult")]
public abstract record WriteResult;

/// <summary>The write happened, once, and is durable in a majority of the shard's replicas. Operations that tell more answer <see cref="AppliedNumber"/> or <see cref="AppliedBatch"/>.</summary>
/// <param name="Revision">The revision it made.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.Applied")]
public record Applied([property: Id(0)] Revision Revision) : WriteResult;

/// <summary>The write did not happen and never will.</summary>
/// <param name="Reason">Why.</param>
/// <param name="Detail">Why, in a sentence for people.</param>
/// <param name="Leader">With <see cref="RejectionReason.NotLeader"/>: where the leader was last seen, if known.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.Rejected")]
public sealed record Rejected([property: Id(0)] RejectionReason Reason, [property: Id(1)] string Detail, [property: Id(2)] DatacenterId? Leader = null)
    : WriteResult
{
    /// <summary>The revision of the shard whose state refused it, as with <see cref="RejectionReason.PreconditionFailed"/>; null: it did not get that far.</summary>
    [Id(3)]
    public Revision? Revision { get; init; }

    /// <summary>
    /// With <see cref="RejectionReason.Overloaded"/>: after this time, or a little more, another attempt has a chance; whoever repeats it at once adds to the load. Null: nothing is known.
    /// </summary>
    [Id(4)]
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Which of the shard's replicas in <see cref="Leader"/> it was; 0: the first.</summary>
    [Id(6)]
    public int LeaderOrdinal { get; init; }

    /// <summary>Where the leader was last seen, if known.</summary>
    public ReplicaPlace? LeaderPlace => Leader is { } leader ? new(leader, Math.Max(1, LeaderOrdinal)) : null;

    /// <summary>A rejection with the place where the leader was last seen, if known.</summary>
    public static Rejected By(RejectionReason reason, string detail, ReplicaPlace? leader) =>
        new(reason, detail, leader?.Datacenter) { LeaderOrdinal = leader is { IsFirst: false } place ? place.Ordinal : 0 };
}

/// <summary>The write may have happened, may yet happen, or may never. Only a read, or a retry in the same session, can tell.</summary>
/// <param name="Detail">What went wrong, in a sentence for people.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.Unknown")]
public sealed record Unknown([property: Id(0)] string Detail) : WriteResult;
