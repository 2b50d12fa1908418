using System.IO.Hashing;

namespace MultiDc.Ring;

/// <summary>An arc of the 64-bit hash space: the keys of one shard. It does not wrap around.</summary>
/// <param name="First">The first hash in it.</param>
/// <param name="Last">The last hash in it.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.HashRange")]
public readonly record struct HashRange([property: Id(0)] ulong First, [property: Id(1)] ulong Last)
{
    /// <summary>The whole hash space.</summary>
    public static readonly HashRange Full = new(0, ulong.MaxValue);

    /// <summary>The hash of a key, which decides its shard. Part of the on-disk contract: XXH64 of its <see cref="PartitionOf"/>, seed 0.</summary>
    public static ulong HashOf(ReadOnlySpan<byte> key) => XxHash64.HashToUInt64(PartitionOf(key));

    /// <summary>
    /// The part of a key that is hashed: what stands between its first <c>{</c> and the next <c>}</c>, if that is not empty, else the whole key (the rule of
    /// Redis Cluster). Keys with the same tag, such as <c>{order-42}/lines</c> and <c>{order-42}/total</c>, share a shard, and so can be changed by one batch.
    /// </summary>
    public static ReadOnlySpan<byte> PartitionOf(ReadOnlySpan<byte> key)
    {
        var tag = key[(key.IndexOf((byte)'{') + 1)..];
        var length = tag.Length == key.Length ? -1 : tag.IndexOf((byte)'}');
        return length > 0 ? tag[..length] : key;
    }

    /// <summary>The arc of one of <paramref name="shardCount"/> equal shards.</summary>
    public static HashRange OfShard(int number, int shardCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shardCount);
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(number, shardCount);
        return new(Boundary(number, shardCount), number == shardCount - 1 ? ulong.MaxValue : Boundary(number + 1, shardCount) - 1);
    }

    /// <summary>Which of <paramref name="shardCount"/> equal shards holds the hash.</summary>
    public static int ShardOf(ulong hash, int shardCount)
    {
        // floor(hash * shardCount / 2^64); Boundary rounds up, so both agree on every hash.
        return (int)(ulong)(((UInt128)hash * (ulong)shardCount) >> 64);
    }

    /// <summary>Whether the key belongs to this arc.</summary>
    public bool Contains(ReadOnlySpan<byte> key)
    {
        var hash = HashOf(key);
        return hash >= First && hash <= Last;
    }

    private static ulong Boundary(int number, int shardCount) =>
        (ulong)((((UInt128)(ulong)number << 64) + (ulong)(shardCount - 1)) / (ulong)shardCount);
}
