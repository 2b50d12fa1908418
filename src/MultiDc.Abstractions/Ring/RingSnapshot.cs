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
    /// <summary>
    /// The version that the last drop of a keyspace made; zero: none was ever dropped. Keyspaces that are created after any drop have an
    /// <see cref="KeyspaceDescriptor.Incarnation"/>, so this one number tells of every shard whether its keyspace was dropped, and no list of dropped ones is kept.
    /// </summary>
    [Id(3)]
    public RingVersion LastDrop { get; init; }

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

    /// <summary>The ring with this keyspace; the same snapshot when it is there already, whatever became of what can be altered if nothing is asked for there.</summary>
    /// <exception cref="ArgumentException">The name is taken by a keyspace with another policy.</exception>
    public RingSnapshot WithKeyspace(KeyspaceDescriptor keyspace)
    {
        if (TryGetKeyspace(keyspace.Name, out var present))
        {
            return present.DescribeOther(keyspace) is { } difference
                ? throw new ArgumentException($"keyspace '{keyspace.Name}' exists with {present.ShardCount} shards in {string.Join(", ", present.Datacenters)}{(present.Witnesses.IsDefaultOrEmpty ? "" : $", witnesses {string.Join(", ", present.Witnesses)}")}: {difference}")
                : present.Equals(keyspace with { Incarnation = present.Incarnation }) || keyspace.IsUnaltered ? this
                : throw new ArgumentException($"keyspace '{keyspace.Name}' exists with other leaders, reads, limits or another survival goal; these can be altered");
        }

        return this with { Version = Next, Keyspaces = [.. Keyspaces.Append(keyspace with { Incarnation = LastDrop.Value == 0 ? 0 : Next.Value }).OrderBy(static k => k.Name, StringComparer.Ordinal)] };
    }

    /// <summary>The ring with a change of a keyspace; the same snapshot when it changes nothing.</summary>
    /// <exception cref="KeyNotFoundException">There is no such keyspace.</exception>
    /// <exception cref="ArgumentException">It cannot be so.</exception>
    public RingSnapshot WithChange(string name, KeyspaceChange change)
    {
        if (!TryGetKeyspace(name, out var present))
        {
            throw new KeyNotFoundException($"there is no keyspace '{name}'");
        }

        var changed = change.ApplyTo(present);
        return changed.DescribeProblem() is { } problem ? throw new ArgumentException(problem)
            : changed.Equals(present) ? this
            : this with { Version = Next, Keyspaces = [.. Keyspaces.Select(k => k.Name == name ? changed : k)] };
    }

    /// <summary>The ring without a keyspace, for good: one that is created under its name later is another.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="incarnation">Which of that name; null: whichever there is.</param>
    /// <exception cref="KeyNotFoundException">There is no such keyspace.</exception>
    public RingSnapshot WithoutKeyspace(string name, ulong? incarnation) =>
        TryGetKeyspace(name, out var present) && (incarnation is null || present.Incarnation == incarnation)
            ? this with { Version = Next, LastDrop = Next, Keyspaces = Keyspaces.Remove(present) }
            : throw new KeyNotFoundException(present is null ? $"there is no keyspace '{name}'" : $"keyspace '{name}' was dropped, and created anew since");

    /// <summary>
    /// Whether shards that are named so are no more and will never be again. False of those of a later ring than this. All keyspaces without an incarnation are older than the
    /// first drop, so a ring that knows of a drop knows them all.
    /// </summary>
    /// <param name="group">What the shards are named after.</param>
    public bool HasDropped(string group) =>
        !TryGetGroup(group, out _) && !Names.IsSystemKeyspace(group)
        && (Names.IncarnationOf(group) is > 0 and var incarnation ? incarnation <= Version.Value : LastDrop.Value > 0);

    /// <summary>Finds a keyspace by what its shards are named after.</summary>
    public bool TryGetGroup(string group, [NotNullWhen(true)] out KeyspaceDescriptor? keyspace)
    {
        keyspace = Keyspaces.FirstOrDefault(k => k.Group == group);
        return keyspace is not null;
    }

    /// <summary>Finds a keyspace by name.</summary>
    public bool TryGetKeyspace(string name, [NotNullWhen(true)] out KeyspaceDescriptor? keyspace)
    {
        keyspace = Keyspaces.FirstOrDefault(k => k.Name == name);
        return keyspace is not null;
    }

    /// <summary>The shard that holds a key.</summary>
    public static ShardId ShardOf(KeyspaceDescriptor keyspace, ReadOnlySpan<byte> key) => (keyspace ?? throw new ArgumentNullException(nameof(keyspace))).ShardOf(key);

    /// <summary>The silo that consistent hashing gives a replica among its datacenter's members, another to each replica of a shard; null when there are too few.</summary>
    public string? SiloOf(ReplicaAddress replica) =>
        new HashRing(Members.Where(m => m.Datacenter == replica.Datacenter).Select(static m => (m.Silo, m.Weight)))
            .OwnersFrom(HashRing.HashOf((replica with { Ordinal = 1 }).ToString())).ElementAtOrDefault(replica.Ordinal - 1);

    /// <inheritdoc/>
    public bool Equals(RingSnapshot? other) =>
        other is not null && Version == other.Version && LastDrop == other.LastDrop && Members.SequenceEqual(other.Members) && Keyspaces.SequenceEqual(other.Keyspaces);

    /// <inheritdoc/>
    public override int GetHashCode() => Version.GetHashCode();

    private RingVersion Next => new(Version.Value + 1);
}
