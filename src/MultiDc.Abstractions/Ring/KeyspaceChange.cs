using System.Collections.Immutable;

namespace MultiDc.Ring;

/// <summary>What is to be changed of a keyspace; what is null or default stays. Shards, partitioning and datacenters are for good.</summary>
[GenerateSerializer, Immutable, Alias("MultiDc.KeyspaceChange")]
public sealed record KeyspaceChange
{
    /// <summary>Where leaders should be, best first; empty: where silos are configured to have them.</summary>
    [Id(0)]
    public ImmutableArray<DatacenterId> PreferredLeaders { get; init; }

    /// <summary>The level of reads that name none.</summary>
    [Id(1)]
    public ReadDefault? ReadDefault { get; init; }

    /// <summary>The most bytes of a value; <see cref="KeyLimits.MaxValueBytes"/> takes the limit away.</summary>
    [Id(2)]
    public int? MaxValueBytes { get; init; }

    /// <summary>What it must outlive.</summary>
    [Id(3)]
    public SurvivalGoal? Survives { get; init; }

    /// <summary>The most bytes of keys and values that each shard should hold; zero takes the limit away.</summary>
    [Id(4)]
    public long? MaxShardBytes { get; init; }

    /// <summary>The keyspace with the change.</summary>
    public KeyspaceDescriptor ApplyTo(KeyspaceDescriptor keyspace) => (keyspace ?? throw new ArgumentNullException(nameof(keyspace))) with
    {
        PreferredLeaders = PreferredLeaders.IsDefault ? keyspace.PreferredLeaders : PreferredLeaders,

        // What is the default anyhow is not kept: a ring without policies is read by earlier versions.
        ReadDefault = ReadDefault is null ? keyspace.ReadDefault : ReadDefault.ReadLevel == ReadLevel.Linearizable ? null : ReadDefault,
        MaxValueBytes = MaxValueBytes is null ? keyspace.MaxValueBytes : MaxValueBytes == KeyLimits.MaxValueBytes ? null : MaxValueBytes,
        MaxShardBytes = MaxShardBytes is null ? keyspace.MaxShardBytes : MaxShardBytes == 0 ? null : MaxShardBytes,
        Survives = Survives ?? keyspace.Survives,
    };
}
