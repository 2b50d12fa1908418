using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using MultiDc.Ring;
using MultiDc.Routing.Links;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Founding;

/// <summary>
/// What a replica must know of its shard before it can be founded or opened: remembered in its store, so that opening asks nobody. Format 2 adds
/// <c>witnesses</c>, format 3 ranges of keys in the place of hashes, format 4 <c>replicas</c>; a shard without any is written as the format before, which earlier versions read.
/// </summary>
/// <param name="Range">Which keys belong to it.</param>
/// <param name="Datacenters">Where its founding replicas are.</param>
/// <param name="Witnesses">Which of these hold no data.</param>
internal sealed record ShardDescriptor(KeyRange Range, ImmutableArray<DatacenterId> Datacenters, ImmutableArray<DatacenterId> Witnesses)
{
    private const int Format = 4;
    private const int FormatWithoutReplicas = 3;
    private const int FormatWithoutKeys = 2;
    private const int FormatWithoutWitnesses = 1;

    /// <summary>How many founding replicas each of the datacenters has, in their order; empty: one.</summary>
    public ImmutableArray<int> Replicas { get; init; } = [];

    /// <summary>The places of the founding replicas.</summary>
    public ImmutableArray<ReplicaPlace> Places => ReplicaPlace.In(Datacenters, Replicas);

    /// <summary>The replicas as they were founded.</summary>
    public GroupMembers Members => new(Places, Witnesses);

    /// <summary>How many founding replicas a datacenter has.</summary>
    public int ReplicasIn(DatacenterId datacenter) => Places.Count(place => place.Datacenter == datacenter);

    public byte[] Serialize() => JsonSerializer.SerializeToUtf8Bytes(
        new Stored(
            !Replicas.IsEmpty ? Format : Range.Hashes is null ? FormatWithoutReplicas : Witnesses.IsEmpty ? FormatWithoutWitnesses : FormatWithoutKeys,
            Range.Hashes?.First,
            Range.Hashes?.Last,
            [.. Datacenters.Select(static d => d.Value)],
            Witnesses.IsEmpty ? null : [.. Witnesses.Select(static d => d.Value)],
            Range.Hashes is null ? Range.From.ToArray() : null,
            Range.Before?.ToArray(),
            Replicas.IsEmpty ? null : [.. Replicas]),
        StoredShardJson.Default.Stored);

    /// <summary>
    /// Where the shard's witnesses are not those of this silo's configuration; null when they are the same. A replica that was a witness has no
    /// data, and one that was none is counted on to have it, so neither may become the other.
    /// </summary>
    public string? DescribeOtherWitnesses(IDatacenterLinks links)
    {
        var changed = Datacenters.Where(d => links.Datacenters.Contains(d) && Witnesses.Contains(d) != links.Witnesses.Contains(d)).ToArray();
        return changed.Length == 0 ? null : DescribeOtherWitnesses("its shard has", Witnesses, links.Witnesses);
    }

    /// <summary>The same in words.</summary>
    /// <param name="who">Says so: <c>its shard has</c>.</param>
    /// <param name="others">The witnesses there.</param>
    /// <param name="configured">The witnesses by this silo's configuration.</param>
    public static string DescribeOtherWitnesses(string who, ImmutableArray<DatacenterId> others, ImmutableArray<DatacenterId> configured)
    {
        return $"{who} {Words(others)}, this silo is configured with {Words(configured)}: which datacenters are witnesses is for good. Correct Witness in MultiDc:Datacenters";

        static string Words(ImmutableArray<DatacenterId> witnesses) =>
            witnesses.IsDefaultOrEmpty ? "no witness" : $"{string.Join(", ", witnesses)} as {(witnesses.Length == 1 ? "witness" : "witnesses")}";
    }

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

        if (stored is not { Format: >= FormatWithoutWitnesses and <= Format })
        {
            throw new FormatException($"a shard descriptor of format {stored?.Format}; this version reads {FormatWithoutWitnesses} to {Format}");
        }

        if (stored.Datacenters.IsDefaultOrEmpty || stored.Datacenters.Contains(null!))
        {
            throw new FormatException("the stored shard descriptor names no datacenters");
        }

        // Read as none they would become full replicas.
        var witnesses = stored.Witnesses ?? [];
        if ((stored.Format < FormatWithoutReplicas && (stored.Format == FormatWithoutKeys) != (witnesses.Length > 0)) || !witnesses.All(w => stored.Datacenters.Contains(w)))
        {
            throw new FormatException("the stored shard descriptor names no witnesses where its format has some, or others than its datacenters");
        }

        // Read as one each it would be another group.
        if ((stored.Format == Format) != (stored.Replicas is not null)
            || (stored.Replicas is { } counts && (counts.Length != stored.Datacenters.Length || !counts.All(static count => count is > 0 and <= ReplicaPlace.MaxPerDatacenter))))
        {
            throw new FormatException("the stored shard descriptor does not say how many replicas its datacenters have where its format does, or the other way round");
        }

        return new(RangeOf(stored), Ids(stored.Datacenters), Ids(witnesses)) { Replicas = [.. stored.Replicas ?? []] };

        static ImmutableArray<DatacenterId> Ids(IEnumerable<string> names) => [.. names.Select(static name => new DatacenterId(name))];
    }

    private static KeyRange RangeOf(Stored stored) => stored switch
    {
        { Format: not FormatWithoutReplicas, FromKey: null, BeforeKey: null, FirstHash: not null } or { Format: < FormatWithoutReplicas, FromKey: null, BeforeKey: null } => new HashRange(stored.FirstHash.GetValueOrDefault(), stored.LastHash.GetValueOrDefault()),
        { Format: >= FormatWithoutReplicas, FirstHash: null, LastHash: null, FromKey: { } from } when stored.BeforeKey is not { } before || from.AsSpan().SequenceCompareTo(before) < 0 =>
            KeyRange.OfKeys(from, stored.BeforeKey is { } end ? (ReadOnlyMemory<byte>?)end : null),
        _ => throw new FormatException("the stored shard descriptor has no range of keys, or one that its format does not have"),
    };

    internal sealed record Stored(
        int Format, ulong? FirstHash, ulong? LastHash, ImmutableArray<string> Datacenters, string[]? Witnesses = null, byte[]? FromKey = null, byte[]? BeforeKey = null, int[]? Replicas = null);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ShardDescriptor.Stored))]
internal sealed partial class StoredShardJson : JsonSerializerContext;
