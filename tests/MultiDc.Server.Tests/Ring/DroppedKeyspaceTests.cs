using System.Text;
using Microsoft.Extensions.Options;
using MultiDc.Ring;
using MultiDc.Server.Hosting;
using MultiDc.Server.Ring;

namespace MultiDc.Server.Tests.Ring;

/// <summary>Dropped keyspaces in the ring: gone for good, and none that takes the name later is taken for one of them.</summary>
public sealed class DroppedKeyspaceTests
{
    private static readonly DatacenterId Ber = new("ber");

    [Fact]
    public void A_dropped_keyspace_is_gone_and_the_name_is_then_anothers()
    {
        var before = RingSnapshot.Empty.WithKeyspace(new("a", 2, [Ber])).WithKeyspace(new("b", 1, [Ber]));
        var dropped = before.WithoutKeyspace("a", null);
        Assert.Equal((3UL, 3UL), (dropped.Version.Value, dropped.LastDrop.Value));
        Assert.Equal(["b"], dropped.Keyspaces.Select(static k => k.Name));

        var anew = dropped.WithKeyspace(new("a", 1, [Ber]));
        Assert.True(anew.TryGetKeyspace("a", out var second));
        Assert.Equal((4UL, "a~4"), (second.Incarnation, second.Group));
        Assert.Equal(new ShardId("a~4", 0), second.ShardOf("k"u8));
        Assert.Equal(new ShardId("b", 0), anew.Keyspaces[1].ShardOf("k"u8));
        Assert.Same(anew, anew.WithKeyspace(new("a", 1, [Ber])));
        Assert.Equal(3UL, anew.LastDrop.Value);
    }

    [Fact]
    public void Only_the_incarnation_that_was_meant_is_dropped()
    {
        var ring = RingSnapshot.Empty.WithKeyspace(new("a", 1, [Ber])).WithoutKeyspace("a", 0).WithKeyspace(new("a", 1, [Ber]));
        Assert.Contains("was dropped, and created anew since", Assert.Throws<KeyNotFoundException>(() => ring.WithoutKeyspace("a", 0)).Message);
        Assert.Contains("there is no keyspace 'b'", Assert.Throws<KeyNotFoundException>(() => ring.WithoutKeyspace("b", null)).Message);
        Assert.Empty(ring.WithoutKeyspace("a", 3).Keyspaces);
        Assert.Throws<KeyNotFoundException>(() => ring.WithoutKeyspace("a", 3).WithChange("a", new() { MaxValueBytes = 1 }));
    }

    /// <summary>Whatever is created and dropped in whatever order: each ring tells of every shard there ever was whether it is no more, and is never wrong about those to come.</summary>
    [Fact]
    public void Every_ring_tells_of_every_keyspace_whether_it_was_dropped()
    {
        var random = new Random(17);
        for (var run = 0; run < 200; run++)
        {
            var rings = new List<RingSnapshot> { RingSnapshot.Empty };
            var created = new Dictionary<string, int>();
            for (var step = 0; step < 30; step++)
            {
                var ring = rings[^1];
                var name = $"{(char)('a' + random.Next(4))}";
                rings.Add(!ring.TryGetKeyspace(name, out _) ? ring.WithKeyspace(new(name, 1, [Ber])) : random.Next(2) == 0 ? ring.WithoutKeyspace(name, null) : ring.WithChange(name, new() { MaxValueBytes = random.Next(1, 99) }));
                foreach (var keyspace in rings[^1].Keyspaces)
                {
                    created.TryAdd(keyspace.Group, rings.Count - 1);
                }
            }

            foreach (var (group, at) in created)
            {
                for (var i = 0; i < rings.Count; i++)
                {
                    Assert.Equal(i >= at && !rings[i].TryGetGroup(group, out _), rings[i].HasDropped(group));
                    Assert.Equal(rings[i], RingSnapshotJson.Deserialize(RingSnapshotJson.Serialize(rings[i])));
                }
            }
        }
    }

    [Fact]
    public void The_rings_own_shard_is_never_dropped()
    {
        var ring = RingSnapshot.Empty.WithKeyspace(new("a", 1, [Ber])).WithoutKeyspace("a", null);
        Assert.False(ring.HasDropped(ShardId.Ring.Keyspace));
        Assert.True(ring.HasDropped("a"));
    }

    [Fact]
    public void A_ring_with_drops_keeps_its_bytes_and_one_without_is_read_by_earlier_versions()
    {
        var ring = RingSnapshot.Empty.WithMembersOf(Ber, [new("b1", Ber, 1)]).WithKeyspace(new("a", 2, [Ber])).WithKeyspace(new("b", 1, [Ber])).WithoutKeyspace("a", null).WithKeyspace(new("a", 1, [Ber]));
        const string Golden = """{"format":4,"version":5,"members":[{"silo":"b1","datacenter":"ber","weight":1}],"keyspaces":[{"name":"a","shardCount":1,"datacenters":["ber"],"incarnation":5},{"name":"b","shardCount":1,"datacenters":["ber"]}],"lastDrop":4}""";
        Assert.Equal(Golden, Encoding.UTF8.GetString(RingSnapshotJson.Serialize(ring)));
        Assert.Equal(ring, RingSnapshotJson.Deserialize(Encoding.UTF8.GetBytes(Golden)));
        Assert.StartsWith("""{"format":1,""", Encoding.UTF8.GetString(RingSnapshotJson.Serialize(RingSnapshot.Empty.WithKeyspace(new("a", 2, [Ber])))));
    }

    [Theory]
    [InlineData("""{"format":3,"version":5,"members":[],"keyspaces":[],"lastDrop":4}""")]
    [InlineData("""{"format":4,"version":5,"members":[],"keyspaces":[],"lastDrop":0}""")]
    [InlineData("""{"format":4,"version":5,"members":[],"keyspaces":[{"name":"a","shardCount":1,"datacenters":["ber"],"incarnation":5}]}""")]
    [InlineData("""{"format":4,"version":5,"members":[],"keyspaces":[{"name":"a","shardCount":1,"datacenters":["ber"],"maxShardBytes":0}]}""")]
    [InlineData("""{"format":3,"version":5,"members":[],"keyspaces":[{"name":"a","shardCount":1,"datacenters":["ber"],"maxShardBytes":9}]}""")]
    [InlineData("""{"format":4,"version":5,"members":[],"keyspaces":[],"lastDrop":6}""")]
    [InlineData("""{"format":4,"version":5,"members":[],"keyspaces":[{"name":"a","shardCount":1,"datacenters":["ber"],"incarnation":6}],"lastDrop":4}""")]
    [InlineData("""{"format":3,"version":5,"members":[],"keyspaces":[{"name":"a","shardCount":1,"datacenters":["ber"],"incarnation":5}]}""")]
    [InlineData("""{"format":5,"version":5,"members":[],"keyspaces":[],"lastDrop":4}""")]
    public void What_no_version_writes_is_not_read(string text) => Assert.Throws<FormatException>(() => RingSnapshotJson.Deserialize(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void Who_waits_for_a_drop_is_told_once_and_at_once_when_it_was_before()
    {
        var ring = RingSnapshot.Empty.WithKeyspace(new("a", 1, [Ber])).WithKeyspace(new("b", 1, [Ber]));
        var policies = new KeyspacePolicies(Options.Create(new MultiDcOptions()));
        policies.Learn(ring);
        var (dropped, any, late) = (0, 0, 0);
        using var watching = policies.WhenDropped("a", () => dropped++);
        using var watchingAny = policies.WhenAnyDropped(() => any++);
        policies.Learn(ring = ring.WithoutKeyspace("b", null));
        Assert.Equal((0, 1), (dropped, any));
        policies.Learn(ring = ring.WithoutKeyspace("a", null));
        policies.Learn(ring.WithKeyspace(new("a", 1, [Ber])));
        Assert.Equal((1, 2), (dropped, any));
        policies.WhenDropped("a", () => late++).Dispose();
        Assert.Equal(1, late);
        Assert.True(policies.HasDropped("a"));
        Assert.False(policies.HasDropped("a~5"));
    }
}
