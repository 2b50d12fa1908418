using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace MultiDc.Ring;

/// <summary>The ring as it is stored: JSON with a format number, readable by people and by later versions.</summary>
public static class RingSnapshotJson
{
    /// <summary>The format this version writes.</summary>
    public const int Format = 1;

    /// <summary>The bytes of a snapshot.</summary>
    public static byte[] Serialize(RingSnapshot snapshot) => JsonSerializer.SerializeToUtf8Bytes(
        new Stored(
            Format,
            snapshot.Version.Value,
            [.. snapshot.Members.Select(static m => new StoredMember(m.Silo, m.Datacenter.Value, m.Weight))],
            [.. snapshot.Keyspaces.Select(static k => new StoredKeyspace(k.Name, k.ShardCount, [.. k.Datacenters.Select(static d => d.Value)]))]),
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

        if (stored is not { Format: Format })
        {
            throw new FormatException($"the stored ring has format {stored?.Format}; this version reads {Format}");
        }

        if (!IsComplete(stored))
        {
            throw new FormatException("the stored ring lacks a name, a weight or a list");
        }

        return new(
            new(stored.Version),
            [.. stored.Members.Select(static m => new RingMember(m.Silo, new(m.Datacenter), m.Weight))],
            [.. stored.Keyspaces.Select(static k => new KeyspaceDescriptor(k.Name, k.ShardCount, [.. k.Datacenters.Select(static d => new DatacenterId(d))]))]);
    }

    // The serializer leaves null or zero for what the text does not have.
    private static bool IsComplete(Stored stored) =>
        !stored.Members.IsDefault && stored.Members.All(static m => m is { Silo: not null, Datacenter: not null, Weight: > 0 })
        && !stored.Keyspaces.IsDefault && stored.Keyspaces.All(static k => k is { Name: not null, ShardCount: > 0, Datacenters.IsDefaultOrEmpty: false } && !k.Datacenters.Contains(null!));

    internal sealed record Stored(int Format, ulong Version, ImmutableArray<StoredMember> Members, ImmutableArray<StoredKeyspace> Keyspaces);

    internal sealed record StoredMember(string Silo, string Datacenter, int Weight);

    internal sealed record StoredKeyspace(string Name, int ShardCount, ImmutableArray<string> Datacenters);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(RingSnapshotJson.Stored))]
internal sealed partial class StoredJson : JsonSerializerContext;
