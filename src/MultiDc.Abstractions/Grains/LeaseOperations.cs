using System.Collections.Immutable;

namespace MultiDc.Grains;

/// <summary>What a lease may be.</summary>
public static class LeaseLimits
{
    /// <summary>The shortest life: a second.</summary>
    public static readonly TimeSpan MinTtl = TimeSpan.FromSeconds(1);

    /// <summary>The longest life: a day.</summary>
    public static readonly TimeSpan MaxTtl = TimeSpan.FromDays(1);

    /// <summary>The most leases of a shard; further grants are refused as <see cref="RejectionReason.LimitReached"/>. Part of the replicated contract.</summary>
    public const int MaxLeasesOfShard = 16_384;

    /// <summary>The most keys bound to a lease, for they go in one entry. Part of the replicated contract.</summary>
    public const int MaxKeysOfLease = 1024;

    /// <summary>The most leases that one call keeps alive.</summary>
    public const int MaxLeasesOfCall = 1024;
}

/// <summary>
/// Grants a lease: a promise to live on only while it is kept alive. Keys that are bound to it (<see cref="PutOperation.Lease"/>) are deleted by the very entry by which it expires or is revoked.
/// Answers <see cref="Applied"/>, whose revision is the lease's <see cref="LeaseId"/>.
/// </summary>
/// <remarks>
/// Expiry is decided by the shard's leader and logged, never by a follower: when <paramref name="Ttl"/> has passed by the leader's monotonic clock since it applied the last renewal. It never
/// comes early. When the leader changes it comes late by less than a heartbeat, commonly by the time a message takes: the followers' clocks start when they hear that the renewal is committed, which they are told at once, and a
/// new leader, also one whose process has just started, asks the other replicas for theirs. It comes later, by the election too, when the leader was lost before any of them heard of the renewal; and by up to a whole life when all replicas that are left have started since.
/// </remarks>
/// <param name="Key">Any key of the shard, which says which shard grants.</param>
/// <param name="Ttl">How long it lives unless renewed, in whole milliseconds: <see cref="LeaseLimits.MinTtl"/> to <see cref="LeaseLimits.MaxTtl"/>.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.GrantLeaseOperation")]
public sealed record GrantLeaseOperation(ReadOnlyMemory<byte> Key, [property: Id(0)] TimeSpan Ttl) : WriteOperation(Key);

/// <summary>Renews leases of one shard, any number in one entry. Answers <see cref="AppliedKeepAlive"/>, which tells those that are no more.</summary>
/// <param name="Key">Any key of the shard.</param>
/// <param name="Leases">Which; at most <see cref="LeaseLimits.MaxLeasesOfCall"/>.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.KeepAliveOperation")]
public sealed record KeepAliveOperation(ReadOnlyMemory<byte> Key, [property: Id(0)] ImmutableArray<LeaseId> Leases) : WriteOperation(Key);

/// <summary>Ends a lease and deletes the keys bound to it; rejected as <see cref="RejectionReason.LeaseNotFound"/> when there is none.</summary>
/// <param name="Key">Any key of the shard.</param>
/// <param name="Lease">Which.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.RevokeLeaseOperation")]
public sealed record RevokeLeaseOperation(ReadOnlyMemory<byte> Key, [property: Id(0)] LeaseId Lease) : WriteOperation(Key);

/// <summary>
/// Raises a guard to the revision of the batch that this is part of: from then on the shard refuses writes of all who acquired before. Only within a <see cref="BatchOperation"/>;
/// what a lock is acquired with. Answers the revision.
/// </summary>
/// <param name="Key">A key of the batch's shard; it is not touched.</param>
/// <param name="Name">The guard's name.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.FenceOperation")]
public sealed record FenceOperation(ReadOnlyMemory<byte> Key, [property: Id(0)] string Name) : WriteOperation(Key);
