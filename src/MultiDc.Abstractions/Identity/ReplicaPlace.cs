using System.Collections.Immutable;

namespace MultiDc;

/// <summary>Which of a shard's replicas: where it is, and which of those that are there. Its text is <c>datacenter</c> for the first, <c>datacenter#2</c> for the second.</summary>
/// <param name="Datacenter">The datacenter.</param>
/// <param name="Ordinal">From 1 up to the shard's number of replicas there.</param>
public readonly record struct ReplicaPlace(DatacenterId Datacenter, int Ordinal = 1)
{
    /// <summary>The most replicas that a shard may have in a datacenter.</summary>
    public const int MaxPerDatacenter = 7;

    /// <summary>Whether it is the only one that keyspaces with one replica in each datacenter have.</summary>
    public bool IsFirst => Ordinal == 1;

    /// <summary>The datacenter's first replica.</summary>
    public static implicit operator ReplicaPlace(DatacenterId datacenter) => new(datacenter);

    /// <summary>The datacenter's first replica.</summary>
    public static ReplicaPlace ToReplicaPlace(DatacenterId datacenter) => datacenter;

    /// <summary>
    /// The places of so many replicas in each datacenter, in the order of the datacenters: all first ones, then the second ones, and so on, so that who goes
    /// through them meets other datacenters soon.
    /// </summary>
    /// <param name="datacenters">The datacenters.</param>
    /// <param name="replicas">How many each of them has; default or empty: one.</param>
    public static ImmutableArray<ReplicaPlace> In(ImmutableArray<DatacenterId> datacenters, ImmutableArray<int> replicas) => replicas.IsDefaultOrEmpty
        ? [.. datacenters.Select(static datacenter => new ReplicaPlace(datacenter))]
        : [.. datacenters.Zip(replicas).SelectMany(static at => Enumerable.Range(1, at.Second), static (at, ordinal) => new ReplicaPlace(at.First, ordinal)).OrderBy(static place => place.Ordinal)];

    /// <inheritdoc/>
    public override string ToString() => IsFirst ? Datacenter.ToString() : $"{Datacenter}#{Ordinal}";
}
