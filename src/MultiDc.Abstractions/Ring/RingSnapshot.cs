using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace MultiDc.Ring;

/// <summary>Counts the ring's changes; a greater one is newer.</summary>
/// <param name="Value">The count; zero: no ring known.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.RingVersion")]
public readonly record struct RingVersion([property: Id(0)] ulong Value);

/// <summary>A silo in the ring.</summary>
/// <param name="Silo">Its name, which stays over restarts.</param>
/// <param name="Datacenter">Where it is.</param>
/// <param name="Weight">Its share of replicas within its datacenter, relative to the others; 1 to 16.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.RingMember")]
public sealed record RingMember([property: Id(0)] string Silo, [property: Id(1)] DatacenterId Datacenter, [property: Id(2)] int Weight);

/// <summary>A keyspace: a named set of keys with one policy.</summary>
/// <param name="Name">See <see cref="Names"/>.</param>
/// <param name="ShardCount">How many equal arcs of the hash space, hence Raft groups; 1 to 4096, for good.</param>
/// <param name="Datacenters">Where its replicas are, one voter in each, sorted.</param>
/// <param name="Witnesses">Those of them whose replicas hold no data, sorted; default or empty: none.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.KeyspaceDescriptor")]
public sealed record KeyspaceDescriptor(
    [property: Id(0)] string Name,
    [property: Id(1)] int ShardCount,
    [property: Id(2)] ImmutableArray<DatacenterId> Datacenters,
    [property: Id(3)] ImmutableArray<DatacenterId> Witnesses = default)
{
    /// <summary>The most shards of a keyspace.</summary>
    public const int MaxShardCount = 4096;

    /// <summary>Where a replica may lead and serve: all datacenters but the witnesses.</summary>
    public ImmutableArray<DatacenterId> FullDatacenters => Witnesses.IsDefaultOrEmpty ? Datacenters : [.. Datacenters.Where(d => !Witnesses.Contains(d))];

    /// <summary>Says what is wrong with the descriptor, or null.</summary>
    public string? DescribeProblem() =>
        !Names.IsKeyspace(Name) ? $"'{Name}' is no keyspace name: {Names.Rule}"
        : ShardCount is < 1 or > MaxShardCount ? $"keyspace '{Name}': {ShardCount} shards; 1 to {MaxShardCount} are allowed"
        : Datacenters.IsDefaultOrEmpty ? $"keyspace '{Name}' has no datacenter"
        : !Datacenters.SequenceEqual(Datacenters.Distinct().Order()) ? $"keyspace '{Name}': its datacenters {string.Join(", ", Datacenters)} are not sorted and distinct"
        : !KnownWitnesses.SequenceEqual(Datacenters.Where(KnownWitnesses.Contains)) ? $"keyspace '{Name}': its witnesses {string.Join(", ", KnownWitnesses)} are not sorted, distinct and among its datacenters"
        : KnownWitnesses.Length > 0 && 2 * KnownWitnesses.Length >= Datacenters.Length ? $"keyspace '{Name}': more of its datacenters must hold data than are witnesses"
        : null;

    /// <inheritdoc/>
    public bool Equals(KeyspaceDescriptor? other) =>
        other is not null && Name == other.Name && ShardCount == other.ShardCount && Datacenters.SequenceEqual(other.Datacenters)
        && KnownWitnesses.SequenceEqual(other.KnownWitnesses);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, ShardCount, Datacenters.Length);

    // A sender of an earlier version leaves it out.
    private ImmutableArray<DatacenterId> KnownWitnesses => Witnesses.IsDefault ? [] : Witnesses;
}

/// <summary>
/// The ring at one version: members, keyspaces, and by them where every key's replicas live. Immutable; a change makes the next version.
/// Keyspaces are sorted by name and distinct; members by name and datacenter, so that datacenters may use the same names.
/// </summary>
/// <param name="Version">The version.</param>
/// <param name="Members">The silos.</param>
/// <param name="Keyspaces">The keyspaces.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.RingSnapshot")]
public sealed record RingSnapshot(
    [property: Id(0)] RingVersion Version, [property: Id(1)] ImmutableArray<RingMember> Members, [property: Id(2)] ImmutableArray<KeyspaceDescriptor> Keyspaces)
{
    /// <summary>The ring before its first change.</summary>
    public static readonly RingSnapshot Empty = new(default, [], []);

    /// <summary>
    /// The ring in which exactly these silos are the datacenter's members; other datacenters' stay. The same snapshot when nothing changes.
    /// </summary>
    public RingSnapshot WithMembersOf(DatacenterId datacenter, IEnumerable<RingMember> present)
    {
        var members = Members.Where(m => m.Datacenter != datacenter).Concat(present.Where(m => m.Datacenter == datacenter))
            .OrderBy(static m => m.Silo, StringComparer.Ordinal).ThenBy(static m => m.Datacenter).ThenBy(static m => m.Weight)
            .DistinctBy(static m => (m.Silo, m.Datacenter)).ToImmutableArray();
        return members.SequenceEqual(Members) ? this : this with { Version = Next, Members = members };
    }

    /// <summary>The ring with this keyspace; the same snapshot when it is there already.</summary>
    /// <exception cref="ArgumentException">The name is taken by a keyspace with another policy.</exception>
    public RingSnapshot WithKeyspace(KeyspaceDescriptor keyspace)
    {
        if (TryGetKeyspace(keyspace.Name, out var present))
        {
            return present.Equals(keyspace)
                ? this
                : throw new ArgumentException($"keyspace '{keyspace.Name}' exists with {present.ShardCount} shards in {string.Join(", ", present.Datacenters)}{(present.Witnesses.IsDefaultOrEmpty ? "" : $", witnesses {string.Join(", ", present.Witnesses)}")}", nameof(keyspace));
        }

        return this with { Version = Next, Keyspaces = [.. Keyspaces.Append(keyspace).OrderBy(static k => k.Name, StringComparer.Ordinal)] };
    }

    /// <summary>Finds a keyspace by name.</summary>
    public bool TryGetKeyspace(string name, [NotNullWhen(true)] out KeyspaceDescriptor? keyspace)
    {
        keyspace = Keyspaces.FirstOrDefault(k => k.Name == name);
        return keyspace is not null;
    }

    /// <summary>The shard that holds a key.</summary>
    public static ShardId ShardOf(KeyspaceDescriptor keyspace, ReadOnlySpan<byte> key) =>
        new(keyspace.Name, HashRange.ShardOf(HashRange.HashOf(key), keyspace.ShardCount));

    /// <summary>The silo that consistent hashing gives a replica among its datacenter's members; null when there are none.</summary>
    public string? SiloOf(ReplicaAddress replica) =>
        new HashRing(Members.Where(m => m.Datacenter == replica.Datacenter).Select(static m => (m.Silo, m.Weight))).OwnerOf(HashRing.HashOf(replica.ToString()));

    /// <inheritdoc/>
    public bool Equals(RingSnapshot? other) =>
        other is not null && Version == other.Version && Members.SequenceEqual(other.Members) && Keyspaces.SequenceEqual(other.Keyspaces);

    /// <inheritdoc/>
    public override int GetHashCode() => Version.GetHashCode();

    private RingVersion Next => new(Version.Value + 1);
}
