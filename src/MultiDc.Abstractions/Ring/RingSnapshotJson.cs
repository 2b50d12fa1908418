using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace MultiDc.Ring;

/// <summary>
/// The ring as it is stored: JSON with a format number, readable by people and by later versions. Format 2 adds <c>witnesses</c> to keyspaces; a ring
/// without any is written as format 1, which earlier versions read.
/// </summary>
public static class RingSnapshotJson
{
    /// <summary>The greatest format this version reads.</summary>
    public const int Format = 2;

    private const int FormatWithoutWitnesses = 1;

    /// <summary>The bytes of a snapshot.</summary>
    public static byte[] Serialize(RingSnapshot snapshot) => JsonSerializer.SerializeToUtf8Bytes(
        new Stored(
            snapshot.Keyspaces.All(static k => k.Witnesses.IsDefaultOrEmpty) ? FormatWithoutWitnesses : Format,
            snapshot.Version.Value,
            [.. snapshot.Members.Select(static m => new StoredMember(m.Silo, m.Datacenter.Value, m.Weight))],
            [.. snapshot.Keyspaces.Select(static k => new StoredKeyspace(
                k.Name, k.ShardCount, [.. k.Datacenters.Select(static d => d.Value)], k.Witnesses.IsDefaultOrEmpty ? null : [.. k.Witnesses.Select(static d => d.Value)]))]),
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

        if (stored is not { Format: FormatWithoutWitnesses or Format })
        {
            throw new FormatException($"the stored ring has format {stored?.Format}; this version reads {FormatWithoutWitnesses} and {Format}");
        }

        if (!IsComplete(stored))
        {
            throw new FormatException("the stored ring lacks a name, a weight or a list, or has witnesses where its format has none");
        }

        return new(
            new(stored.Version),
            [.. stored.Members.Select(static m => new RingMember(m.Silo, new(m.Datacenter), m.Weight))],
            [.. stored.Keyspaces.Select(static k => new KeyspaceDescriptor(
                k.Name, k.ShardCount, [.. k.Datacenters.Select(static d => new DatacenterId(d))], [.. (k.Witnesses ?? []).Select(static d => new DatacenterId(d))]))]);
    }

    // The serializer leaves null or zero for what the text does not have.
    private static bool IsComplete(Stored stored) => !stored.Members.IsDefault && stored.Members.All(static m => m is { Silo: not null, Datacenter: not null, Weight: > 0 })
        && !stored.Keyspaces.IsDefault && stored.Keyspaces.All(k => k is { Name: not null, ShardCount: > 0, Datacenters.IsDefaultOrEmpty: false } && !k.Datacenters.Contains(null!)
            && (stored.Format == Format || k.Witnesses is null) && (k.Witnesses ?? []).All(w => k.Datacenters.Contains(w)));

    internal sealed record Stored(int Format, ulong Version, ImmutableArray<StoredMember> Members, ImmutableArray<StoredKeyspace> Keyspaces);

    internal sealed record StoredMember(string Silo, string Datacenter, int Weight);

    internal sealed record StoredKeyspace(string Name, int ShardCount, ImmutableArray<string> Datacenters, string[]? Witnesses = null);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RingSnapshotJson.Stored))]
internal sealed partial class StoredJson : JsonSerializerContext;
