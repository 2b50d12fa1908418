namespace MultiDc;

/// <summary>A key with its value and its history's numbers.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">The value.</param>
/// <param name="CreateRevision">The revision that created the key (since it was last absent).</param>
/// <param name="ModifyRevision">The revision of the last change.</param>
/// <param name="Version">How many times the key was written since it was created; 1 after the first.</param>
/// <param name="Lease">The lease that it is bound to and goes with; default: none.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.KeyValueEntry")]
public sealed record KeyValueEntry(
    [property: Id(0)] ReadOnlyMemory<byte> Key,
    [property: Id(1)] ReadOnlyMemory<byte> Value,
    [property: Id(2)] Revision CreateRevision,
    [property: Id(3)] Revision ModifyRevision,
    [property: Id(4)] ulong Version,
    [property: Id(5)] LeaseId Lease = default);

/// <summary>The outcome of a read: <see cref="ReadServed"/> or <see cref="ReadRejected"/>.</summary>
[GenerateSerializer, Immutable, Alias("MultiDc.ReadResult")]
public abstract record ReadResult;

/// <summary>The read was served: the entry as it was at one moment, which of a linearizable read lies between the request and the answer.</summary>
/// <param name="Entry">The entry, or null when the key was absent.</param>
/// <param name="Revision">The revision of the shard up to which this is its state.</param>
/// <param name="Staleness">
/// The state was the newest at most so long before it was read; zero for a linearizable read. Null: nothing is known, which only
/// <see cref="ReadLevel.Local"/> puts up with.
/// </param>
/// <param name="Datacenter">The datacenter whose replica served it.</param>
/// <param name="Level">What it promises: at least what was asked for.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.ReadServed")]
public sealed record ReadServed(
    [property: Id(0)] KeyValueEntry? Entry, [property: Id(1)] Revision Revision = default, [property: Id(2)] TimeSpan? Staleness = null,
    [property: Id(3)] DatacenterId Datacenter = default, [property: Id(4)] ReadLevelKind Level = ReadLevelKind.Local) : ReadResult;

/// <summary>The read could not be served as fresh as it was asked for, and nothing staler is served in its place.</summary>
/// <param name="Reason">Why.</param>
/// <param name="Detail">Why, in a sentence for people.</param>
/// <param name="Leader">With <see cref="RejectionReason.NotLeader"/>: where the leader was last seen, if known.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.ReadRejected")]
public sealed record ReadRejected([property: Id(0)] RejectionReason Reason, [property: Id(1)] string Detail, [property: Id(2)] DatacenterId? Leader = null)
    : ReadResult
{
    /// <summary>
    /// With <see cref="RejectionReason.Overloaded"/>: after this time, or a little more, another attempt has a chance; whoever repeats it at once adds to the load. Null: nothing is known.
    /// </summary>
    [Id(3)]
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Which of the shard's replicas in <see cref="Leader"/> it was; 0: the first.</summary>
    [Id(6)]
    public int LeaderOrdinal { get; init; }

    /// <summary>Where the leader was last seen, if known.</summary>
    public ReplicaPlace? LeaderPlace => Leader is { } leader ? new(leader, Math.Max(1, LeaderOrdinal)) : null;

    /// <summary>A rejection with the place where the leader was last seen, if known.</summary>
    public static ReadRejected By(RejectionReason reason, string detail, ReplicaPlace? leader) =>
        new(reason, detail, leader?.Datacenter) { LeaderOrdinal = leader is { IsFirst: false } place ? place.Ordinal : 0 };
}
