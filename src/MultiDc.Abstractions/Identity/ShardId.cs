namespace MultiDc;

/// <summary>One shard of a keyspace: one key range, one Raft group.</summary>
/// <param name="Keyspace">What the keyspace's shards are named after: <see cref="Ring.KeyspaceDescriptor.Group"/>.</param>
/// <param name="Number">From zero up to the keyspace's shard count.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.ShardId")]
public readonly record struct ShardId([property: Id(0)] string Keyspace, [property: Id(1)] int Number)
{
    /// <summary>The shard that holds the ring itself: the only one that exists without being listed in the ring.</summary>
    public static readonly ShardId Ring = new("multidc.ring", 0);

    /// <inheritdoc/>
    public override string ToString() => $"{Keyspace}/{Number}";
}
