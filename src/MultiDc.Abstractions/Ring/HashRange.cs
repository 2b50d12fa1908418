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

    /// <summary>The hash of a key, which decides its shard. Part of the on-disk contract: XXH64, seed 0.</summary>
    public static ulong HashOf(ReadOnlySpan<byte> key) => XxHash64.HashToUInt64(key);

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
