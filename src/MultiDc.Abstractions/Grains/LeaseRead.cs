namespace MultiDc.Grains;

/// <summary>A read of a lease.</summary>
/// <param name="Lease">Which.</param>
/// <param name="Timeout">How long the replica may try.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.LeaseReadRequest")]
public sealed record LeaseReadRequest([property: Id(0)] LeaseId Lease, [property: Id(1)] TimeSpan Timeout);

/// <summary>The lease, or why it could not be read.</summary>
/// <param name="Lease">The lease; null: there is none (any more), or the read was not served.</param>
/// <param name="Rejection">Why the read was not served; null when it was.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.LeaseReply")]
public sealed record LeaseReply([property: Id(0)] LeaseStatus? Lease, [property: Id(1)] ReadRejected? Rejection)
{
    /// <summary>The revision of the shard's state that was read; 0: not served, or by a silo of an earlier version, which does not tell.</summary>
    [Id(2)]
    public Revision Revision { get; init; }
}

/// <summary>A lease at one moment, as its shard's leader saw it.</summary>
/// <param name="Lease">Which.</param>
/// <param name="Ttl">How long it lives from each renewal.</param>
/// <param name="Remaining">How long it had still to live by the leader's clock; zero when its end is being logged.</param>
/// <param name="Keys">The keys bound to it.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.LeaseStatus")]
public sealed record LeaseStatus(
    [property: Id(0)] LeaseId Lease, [property: Id(1)] TimeSpan Ttl, [property: Id(2)] TimeSpan Remaining, [property: Id(3)] IReadOnlyList<ReadOnlyMemory<byte>> Keys);
