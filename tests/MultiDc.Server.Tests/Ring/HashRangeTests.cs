using CsCheck;
using MultiDc.Ring;

namespace MultiDc.Server.Tests.Ring;

public sealed class HashRangeTests
{
    [Fact]
    public void Every_hash_belongs_to_exactly_the_shard_that_is_named() =>
        Gen.Select(Gen.ULong, Gen.Int[1, KeyspaceDescriptor.MaxShardCount]).Sample(static (hash, shards) => Check(hash, shards), iter: 20_000);

    [Fact]
    public void The_arcs_of_any_shard_count_join_without_gap_or_overlap() =>
        Gen.Int[1, KeyspaceDescriptor.MaxShardCount].Sample(
            static shards =>
            {
                var next = 0UL;
                for (var number = 0; number < shards; number++)
                {
                    var range = HashRange.OfShard(number, shards);
                    Assert.Equal(next, range.First);
                    Assert.True(range.Last >= range.First);
                    Check(range.First, shards);
                    Check(range.Last, shards);
                    next = unchecked(range.Last + 1);
                }

                Assert.Equal(0UL, next);
            },
            iter: 60);

    [Fact]
    public void A_key_is_in_the_range_of_its_shard_and_in_no_other() =>
        Gen.Select(Gen.Byte.Array[1, 20], Gen.Int[1, 40]).Sample(
            static (key, shards) =>
            {
                var shard = RingSnapshot.ShardOf(new("k", shards, []), key);
                Assert.Equal([shard.Number], Enumerable.Range(0, shards).Where(number => HashRange.OfShard(number, shards).Contains(key)));
            },
            iter: 500);

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(1, 1)]
    [InlineData(0, 0)]
    public void There_is_no_other_shard(int number, int shards) => Assert.ThrowsAny<ArgumentOutOfRangeException>(() => HashRange.OfShard(number, shards));

    private static void Check(ulong hash, int shards)
    {
        var number = HashRange.ShardOf(hash, shards);
        Assert.InRange(number, 0, shards - 1);
        var range = HashRange.OfShard(number, shards);
        Assert.True(range.First <= hash && hash <= range.Last, $"hash {hash:x} is outside of shard {number} of {shards}, {range}");
    }

    [Theory]
    [InlineData("{order-42}/lines", "order-42")]
    [InlineData("a{order-42}{b}", "order-42")]
    [InlineData("{}{b}", "{}{b}")]
    [InlineData("{a", "{a")]
    [InlineData("a}b", "a}b")]
    [InlineData("}{a}", "a")]
    [InlineData("{{a}}", "{a")]
    [InlineData("plain", "plain")]
    [InlineData("", "")]
    public void The_tag_in_a_key_decides_its_shard(string key, string partition)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(key);
        Assert.Equal(partition, System.Text.Encoding.UTF8.GetString(HashRange.PartitionOf(bytes)));
        Assert.Equal(System.IO.Hashing.XxHash64.HashToUInt64(System.Text.Encoding.UTF8.GetBytes(partition)), HashRange.HashOf(bytes));
    }
}
