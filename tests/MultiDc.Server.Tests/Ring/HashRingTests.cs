using CsCheck;
using MultiDc.Ring;

namespace MultiDc.Server.Tests.Ring;

public sealed class HashRingTests
{
    private static readonly Gen<(string Name, int Weight)[]> Members =
        Gen.Select(Gen.Int[0, 30], Gen.Int[1, 4]).Array[1, 8].Select(static members => members.DistinctBy(static m => m.Item1).Select(static m => ($"silo-{m.Item1}", m.Item2)).ToArray());

    [Fact]
    public void A_new_member_takes_keys_and_moves_none_between_the_others() =>
        Gen.Select(Members, Gen.Int[1, 4], Gen.ULong.Array[200]).Sample(
            static (members, weight, points) =>
            {
                var before = new HashRing(members);
                var after = new HashRing(members.Append(("new", weight)));
                foreach (var point in points)
                {
                    Assert.Contains(after.OwnerOf(point), new[] { before.OwnerOf(point), "new" });
                }
            },
            iter: 50);

    [Fact]
    public void The_order_of_the_members_does_not_matter() =>
        Gen.Select(Members, Gen.ULong.Array[200]).Sample(
            static (members, points) =>
            {
                var (one, two) = (new HashRing(members), new HashRing(members.Reverse()));
                Assert.Equal(points.Select(one.OwnerOf), points.Select(two.OwnerOf));
            },
            iter: 50);

    [Fact]
    public void Equal_members_share_evenly_and_a_weight_is_a_share()
    {
        var equal = Shares(Enumerable.Range(0, 8).Select(static i => ($"silo-{i}", 1)));
        Assert.All(equal.Values, static share => Assert.InRange(share, 0.125 * 0.7, 0.125 * 1.3));
        var weighted = Shares([("one", 1), ("two", 2), ("five", 5)]);
        Assert.InRange(weighted["one"], 0.125 * 0.75, 0.125 * 1.25);
        Assert.InRange(weighted["two"], 0.25 * 0.8, 0.25 * 1.2);
        Assert.InRange(weighted["five"], 0.625 * 0.9, 0.625 * 1.1);
    }

    [Fact]
    public void Owners_and_hashes_are_what_they_always_were()
    {
        // Placement by every silo of every version rests on these.
        Assert.Equal(0xEF46DB3751D8E999UL, HashRange.HashOf([]));
        Assert.Equal(0xD24EC4F1A98C6E5BUL, HashRange.HashOf("a"u8));
        Assert.Equal(0x44BC2CF5AD770999UL, HashRing.HashOf("abc"));
        var ring = new HashRing([("s1", 1), ("s2", 1), ("s3", 2)]);
        Assert.Equal(GoldenOwners, string.Concat(Enumerable.Range(0, 24).Select(i => ring.OwnerOf(HashRing.HashOf($"default/{i}@ber"))![1])));
    }

    private const string GoldenOwners = "332321113212321332122132";

    [Fact]
    public void An_empty_ring_owns_nothing_and_a_weight_is_positive()
    {
        Assert.Null(new HashRing([]).OwnerOf(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new HashRing([("a", 0)]));
    }

    private static Dictionary<string, double> Shares(IEnumerable<(string, int)> members)
    {
        const int Points = 20_000;
        var ring = new HashRing(members);
        return Enumerable.Range(0, Points).GroupBy(i => ring.OwnerOf(HashRing.HashOf($"key {i}"))!).ToDictionary(static g => g.Key, static g => (double)g.Count() / Points);
    }
}
