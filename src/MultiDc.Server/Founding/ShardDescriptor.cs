using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using MultiDc.Ring;

namespace MultiDc.Server.Founding;

/// <summary>What a replica must know of its shard before it can be founded or opened: remembered in its store, so that opening asks nobody.</summary>
/// <param name="Range">Which keys belong to it.</param>
/// <param name="Datacenters">Where its founding replicas are.</param>
internal sealed record ShardDescriptor(HashRange Range, ImmutableArray<DatacenterId> Datacenters)
{
    private const int Format = 1;

    public byte[] Serialize() => JsonSerializer.SerializeToUtf8Bytes(
        new Stored(Format, Range.First, Range.Last, [.. Datacenters.Select(static d => d.Value)]), StoredShardJson.Default.Stored);

    /// <exception cref="FormatException">The bytes are no descriptor, or one of a later format.</exception>
    public static ShardDescriptor Deserialize(ReadOnlySpan<byte> bytes)
    {
        Stored? stored;
        try
        {
            stored = JsonSerializer.Deserialize(bytes, StoredShardJson.Default.Stored);
        }
        catch (JsonException exception)
        {
            throw new FormatException("the stored shard descriptor is not readable", exception);
        }

        if (stored is { Format: Format } && (stored.Datacenters.IsDefaultOrEmpty || stored.Datacenters.Contains(null!)))
        {
            throw new FormatException("the stored shard descriptor names no datacenters");
        }

        return stored is { Format: Format }
            ? new(new(stored.FirstHash, stored.LastHash), [.. stored.Datacenters.Select(static d => new DatacenterId(d))])
            : throw new FormatException($"a shard descriptor of format {stored?.Format}; this version reads {Format}");
    }

    internal sealed record Stored(int Format, ulong FirstHash, ulong LastHash, ImmutableArray<string> Datacenters);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ShardDescriptor.Stored))]
internal sealed partial class StoredShardJson : JsonSerializerContext;
