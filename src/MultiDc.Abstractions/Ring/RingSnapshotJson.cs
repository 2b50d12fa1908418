using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace MultiDc.Ring;

/// <summary>
/// The ring as it is stored: JSON with a format number, readable by people and by later versions. Format 2 adds <c>witnesses</c> to keyspaces, format 3
/// partitioning and policies, format 4 the last drop, incarnations, <c>maxShardBytes</c> and <c>replicas</c>; a ring without any is written as the format before, which earlier versions read.
/// </summary>
public static class RingSnapshotJson
{
    /// <summary>The greatest format this version reads.</summary>
    public const int Format = 4;

    private const string Silo = "silo";
    private const string Datacenter = "datacenter";
    private const int FormatWithoutDropsQuotasAndReplicas = 3;
    private const int FormatWithoutPolicies = 2;
    private const int FormatWithoutWitnesses = 1;

    /// <summary>The bytes of a snapshot.</summary>
    public static byte[] Serialize(RingSnapshot snapshot) => JsonSerializer.SerializeToUtf8Bytes(
        new Stored(
            snapshot.LastDrop.Value > 0 || snapshot.Keyspaces.Any(static k => k.MaxShardBytes is not null || !k.HasOneReplicaEach) ? Format
                : snapshot.Keyspaces.Any(static k => !k.HasNoPolicy) ? FormatWithoutDropsQuotasAndReplicas
                : snapshot.Keyspaces.All(static k => k.Witnesses.IsDefaultOrEmpty) ? FormatWithoutWitnesses : FormatWithoutPolicies,
            snapshot.Version.Value,
            [.. snapshot.Members.Select(static m => new StoredMember(m.Silo, m.Datacenter.Value, m.Weight))],
            [.. snapshot.Keyspaces.Select(static k => new StoredKeyspace(
                k.Name, k.ShardCount, [.. k.Datacenters.Select(static d => d.Value)], k.Witnesses.IsDefaultOrEmpty ? null : [.. k.Witnesses.Select(static d => d.Value)],
                k.Partitioning == Partitioning.Hash ? null : [.. k.SplitPoints.IsDefault ? [] : k.SplitPoints.Select(static split => split.ToArray())],
                k.PreferredLeaders.IsDefaultOrEmpty ? null : [.. k.PreferredLeaders.Select(static d => d.Value)],
                k.ReadDefault?.ToString(),
                k.MaxValueBytes,
                k.Survives switch { SurvivalGoal.Silo => Silo, SurvivalGoal.Datacenter => Datacenter, _ => null },
                k.Incarnation == 0 ? null : k.Incarnation,
                k.MaxShardBytes,
                k.HasOneReplicaEach ? null : [.. k.Replicas]))],
            snapshot.LastDrop.Value == 0 ? null : snapshot.LastDrop.Value),
        StoredJson.Default.Stored);

    /// <summary>The snapshot in the bytes.</summary>
    /// <exception cref="FormatException">The bytes are no ring, or one of a later format.</exception>
    public static RingSnapshot Deserialize(ReadOnlySpan<byte> bytes)
    {
        Stored? stored;
        try
        {
            stored = JsonSerializer.Deserialize(bytes, StoredJson.Default.Stored);
        }
        catch (JsonException exception)
        {
            throw new FormatException("the stored ring is not readable", exception);
        }

        if (stored is not { Format: >= FormatWithoutWitnesses and <= Format })
        {
            throw new FormatException($"the stored ring has format {stored?.Format}; this version reads {FormatWithoutWitnesses} to {Format}");
        }

        if (!IsComplete(stored))
        {
            throw new FormatException("the stored ring lacks a name, a weight or a list, or has what its format does not");
        }

        return new(
            new(stored.Version),
            [.. stored.Members.Select(static m => new RingMember(m.Silo, new(m.Datacenter), m.Weight))],
            [.. stored.Keyspaces.Select(static k => new KeyspaceDescriptor(
                k.Name, k.ShardCount, [.. k.Datacenters.Select(static d => new DatacenterId(d))], [.. (k.Witnesses ?? []).Select(static d => new DatacenterId(d))])
            {
                Partitioning = k.SplitPoints is null ? Partitioning.Hash : Partitioning.Range,
                SplitPoints = [.. (k.SplitPoints ?? []).Select(static split => (ReadOnlyMemory<byte>)split)],
                PreferredLeaders = [.. (k.PreferredLeaders ?? []).Select(static d => new DatacenterId(d))],
                ReadDefault = ReadDefault.TryParse(k.ReadDefault, out var level) ? level : null,
                MaxValueBytes = k.MaxValueBytes,
                Survives = k.Survives switch { Silo => SurvivalGoal.Silo, Datacenter => SurvivalGoal.Datacenter, _ => null },
                Incarnation = k.Incarnation ?? 0,
                MaxShardBytes = k.MaxShardBytes,
                Replicas = [.. k.Replicas ?? []],
            })])
        {
            LastDrop = new(stored.LastDrop ?? 0),
        };
    }

    // The serializer leaves null or zero for what the text does not have.
    private static bool IsComplete(Stored stored) => (stored.LastDrop is null || (stored.Format == Format && stored.LastDrop > 0 && stored.LastDrop <= stored.Version))
        && !stored.Members.IsDefault && stored.Members.All(static m => m is { Silo: not null, Datacenter: not null, Weight: > 0 })
        && !stored.Keyspaces.IsDefault && stored.Keyspaces.All(k => k is { Name: not null, ShardCount: > 0, Datacenters.IsDefaultOrEmpty: false } && !k.Datacenters.Contains(null!)
            && (stored.Format >= FormatWithoutPolicies || k.Witnesses is null) && (k.Witnesses ?? []).All(w => k.Datacenters.Contains(w))
            && (stored.Format == Format || k is { Incarnation: null, MaxShardBytes: null, Replicas: null }) && (k.MaxShardBytes is null or > 0)
            && (k.Incarnation is null || (k.Incarnation > 0 && stored.LastDrop is not null && k.Incarnation <= stored.Version))
            && (stored.Format >= FormatWithoutDropsQuotasAndReplicas || k is { SplitPoints: null, PreferredLeaders: null, ReadDefault: null, MaxValueBytes: null, Survives: null })
            && (k.Replicas is null || (k.Replicas.Length == k.Datacenters.Length && k.Replicas.All(static count => count is > 0 and <= ReplicaPlace.MaxPerDatacenter)))
            && (k.SplitPoints is null || (k.SplitPoints.Length == k.ShardCount - 1 && k.SplitPoints.All(static split => split is { Length: > 0 })
                && k.SplitPoints.Zip(k.SplitPoints.Skip(1)).All(static pair => pair.First.AsSpan().SequenceCompareTo(pair.Second) < 0)))
            && (k.PreferredLeaders ?? []).All(leader => k.Datacenters.Contains(leader))
            && (k.ReadDefault is null || ReadDefault.TryParse(k.ReadDefault, out _))
            && (k.Survives is null or Silo or Datacenter));

    internal sealed record Stored(
        int Format, ulong Version, ImmutableArray<StoredMember> Members, ImmutableArray<StoredKeyspace> Keyspaces, ulong? LastDrop = null);

    internal sealed record StoredMember(string Silo, string Datacenter, int Weight);

    internal sealed record StoredKeyspace(string Name, int ShardCount, ImmutableArray<string> Datacenters, string[]? Witnesses = null,
        byte[][]? SplitPoints = null, string[]? PreferredLeaders = null, string? ReadDefault = null, int? MaxValueBytes = null, string? Survives = null, ulong? Incarnation = null, long? MaxShardBytes = null,
        int[]? Replicas = null);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RingSnapshotJson.Stored))]
internal sealed partial class StoredJson : JsonSerializerContext;
