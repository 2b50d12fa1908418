using System.Collections.Immutable;
using System.Text;
using MultiDc.Grains;
using MultiDc.Ring;

namespace MultiDc.Server.Tests.Ring;

public sealed class KeyspaceDescriptorTests
{
    private static readonly ImmutableArray<DatacenterId> Three = [new("ber"), new("fra"), new("par")];

    // The twin looks at every range; keys and split points are of few letters, so that they often touch.
    [Fact]
    public void Each_key_belongs_to_the_one_shard_that_a_linear_search_finds()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var keyspace = RandomRanges(random);
            Assert.Null(keyspace.DescribeProblem());
            for (var i = 0; i < 100; i++)
            {
                var key = RandomKey(random);
                var holding = Enumerable.Range(0, keyspace.ShardCount).Where(number => keyspace.RangeOf(number).Contains(key)).ToArray();
                Assert.Equal([keyspace.ShardOf(key).Number], holding);
                Assert.Equal(keyspace.SplitPoints.Count(split => split.Span.SequenceCompareTo(key) <= 0), holding[0]);
            }
        }
    }

    [Fact]
    public void A_scan_of_a_prefix_leaves_out_no_shard_that_may_hold_some_of_it_and_goes_to_few_others()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var keyspace = RandomRanges(random);
            for (var i = 0; i < 50; i++)
            {
                var prefix = random.Next(10) == 0 ? [] : RandomKey(random);
                var asked = Enumerable.Range(0, keyspace.ShardCount).Where(number => keyspace.RangeOf(number).MayContainPrefix(prefix)).ToArray();
                foreach (var tail in new[] { "", "\0", "a", "b", "cc", "\uFFFF" })
                {
                    if (prefix.Length + tail.Length > 0)
                    {
                        Assert.Contains(keyspace.ShardOf([.. prefix, .. Encoding.UTF8.GetBytes(tail)]).Number, asked);
                    }
                }

                // What is asked is what holds the prefix itself, and those that begin within it.
                Assert.All(asked, number => Assert.True(keyspace.RangeOf(number).Contains(prefix) || keyspace.RangeOf(number).From.Span.StartsWith(prefix)));
            }
        }
    }

    [Fact]
    public void A_hash_keyspace_is_as_it_was()
    {
        var keyspace = new KeyspaceDescriptor("k", 7, Three);
        for (var i = 0; i < 1000; i++)
        {
            var key = Encoding.UTF8.GetBytes($"{i}");
            Assert.Equal(HashRange.ShardOf(HashRange.HashOf(key), 7), keyspace.ShardOf(key).Number);
            Assert.True(keyspace.RangeOf(keyspace.ShardOf(key).Number).Contains(key));
        }

        Assert.Equal(HashRange.OfShard(3, 7), keyspace.RangeOf(3).Hashes);
        Assert.True(keyspace.HasNoPolicy);
    }

    public static TheoryData<string, Func<KeyspaceDescriptor, KeyspaceDescriptor>> Wrong => new()
    {
        { "neither by hash nor by range", static k => k with { Partitioning = (Partitioning)7 } },
        { "only a keyspace of ranges", static k => k with { SplitPoints = [Bytes("a")] } },
        { "3 shards are split at 2 keys, not at 1", static k => k with { Partitioning = Partitioning.Range, SplitPoints = [Bytes("a")] } },
        { "do not ascend", static k => k with { Partitioning = Partitioning.Range, SplitPoints = [Bytes("b"), Bytes("a")] } },
        { "do not ascend", static k => k with { Partitioning = Partitioning.Range, SplitPoints = [Bytes("a"), Bytes("a")] } },
        { "the key is empty", static k => k with { Partitioning = Partitioning.Range, SplitPoints = [Bytes(""), Bytes("a")] } },
        { "named twice", static k => k with { PreferredLeaders = [new("ber"), new("ber")] } },
        { "cannot be in 'rom', where it has no replica", static k => k with { PreferredLeaders = [new("ber"), new("rom")] } },
        { "cannot be in 'par', which is a witness", static k => k with { Witnesses = [new("par")], PreferredLeaders = [new("par")] } },
        { "Session is no default", static k => k with { ReadDefault = new(ReadLevelKind.Session) } },
        { "a bound greater than zero", static k => k with { ReadDefault = new(ReadLevelKind.BoundedStaleness) } },
        { "a bound greater than zero", static k => k with { ReadDefault = new(ReadLevelKind.Local, TimeSpan.FromSeconds(1)) } },
        { "served by a follower", static k => k with { ReadDefault = new(ReadLevelKind.Local, ByFollower: true) } },
        { "values of at most 0 bytes", static k => k with { MaxValueBytes = 0 } },
        { "values of at most 1048577 bytes", static k => k with { MaxValueBytes = KeyLimits.MaxValueBytes + 1 } },
        { "cannot outlive the loss of one", static k => k with { Datacenters = [new("ber"), new("fra")], Survives = SurvivalGoal.Datacenter } },
        { "cannot outlive the loss of the silo", static k => k with { Datacenters = [new("ber"), new("fra")], Survives = SurvivalGoal.Silo } },
        { "with 1 replica in ber it cannot outlive the loss of the silo", static k => k with { Datacenters = [new("ber")], Survives = SurvivalGoal.Silo } },
        { "3 datacenters, and says of 2", static k => k with { Replicas = [2, 2] } },
        { "0 replicas in 'fra'; 1 to 7", static k => k with { Replicas = [2, 0, 1] } },
        { "8 replicas in 'par'; 1 to 7", static k => k with { Replicas = [2, 2, 8] } },
        { "'par' is a witness, and of those there is one replica", static k => k with { Witnesses = [new("par")], Replicas = [2, 2, 2] } },
        { "and of nothing else", static k => k with { Survives = (SurvivalGoal)9 } },
        { "more than 65536 bytes", static k => KeyspaceDescriptor.OfRanges("k", Enumerable.Range(0, 100).Select(static i => (ReadOnlyMemory<byte>)Bytes($"{i:000}".PadRight(1000))), Three) },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_cannot_be_is_told(string problem, Func<KeyspaceDescriptor, KeyspaceDescriptor> make)
    {
        var good = new KeyspaceDescriptor("k", 3, Three);
        Assert.Null(good.DescribeProblem());
        Assert.Contains(problem, make(good).DescribeProblem());
    }

    [Fact]
    public void Two_datacenters_and_a_witness_outlive_any_of_them()
    {
        Assert.Null((new KeyspaceDescriptor("k", 3, Three, [new("par")]) with { Survives = SurvivalGoal.Datacenter, PreferredLeaders = [new("fra")] }).DescribeProblem());
        Assert.Null((new KeyspaceDescriptor("k", 3, Three) with { Survives = SurvivalGoal.Silo }).DescribeProblem());
    }

    // What is left when the greatest loss has happened, counted out.
    [Theory]
    [InlineData("1", false, false)]
    [InlineData("2", false, false)]
    [InlineData("3", true, false)]
    [InlineData("4", true, false)]
    [InlineData("1+1", false, false)]
    [InlineData("2+1", true, false)]
    [InlineData("2+2", true, false)]
    [InlineData("1+1+1", true, true)]
    [InlineData("2+1+1", true, false)]
    [InlineData("2+2+1", true, true)]
    [InlineData("2+2+2", true, true)]
    [InlineData("3+1+1", true, false)]
    [InlineData("3+2+1", true, false)]
    [InlineData("3+3+1", true, true)]
    [InlineData("2+1+1+1", true, true)]
    public void What_outlives_what_is_a_matter_of_the_majority_that_is_left(string replicas, bool silo, bool datacenter)
    {
        int[] counts = [.. replicas.Split('+').Select(int.Parse)];
        var keyspace = new KeyspaceDescriptor("k", 3, [.. counts.Select(static (_, i) => new DatacenterId($"d{i}"))]) { Replicas = [.. counts] };
        Assert.Null(keyspace.DescribeProblem());
        Assert.Equal(silo, (keyspace with { Survives = SurvivalGoal.Silo }).DescribeProblem() is null);
        Assert.Equal(datacenter, (keyspace with { Survives = SurvivalGoal.Datacenter }).DescribeProblem() is null);
        Assert.Equal(silo, counts.Sum() - 1 > counts.Sum() / 2);
        Assert.Equal(datacenter, counts.Sum() - counts.Max() > counts.Sum() / 2);
    }

    [Fact]
    public void Replicas_have_places_and_one_each_is_as_it_was()
    {
        var keyspace = new KeyspaceDescriptor("k", 3, Three) { Replicas = [2, 3, 1], Witnesses = [new("par")] };
        Assert.Equal("ber fra par ber#2 fra#2 fra#3", string.Join(' ', keyspace.Places));
        Assert.Equal("ber fra ber#2 fra#2 fra#3", string.Join(' ', keyspace.FullPlaces));
        Assert.Same(keyspace.FullPlaces, keyspace.FullPlaces);
        Assert.Equal("ber", string.Join(' ', (keyspace with { Datacenters = [new("ber")], Replicas = default }).FullPlaces));
        Assert.Equal([2, 3, 1, 0], new[] { "ber", "fra", "par", "rom" }.Select(name => keyspace.ReplicasIn(new(name))));
        Assert.False(keyspace.HasNoPolicy);
        Assert.Contains("it has 2+3+1 replicas in ber, fra, par, not 1+1+1", keyspace.DescribeOther(new("k", 3, Three)));

        var each = new KeyspaceDescriptor("k", 3, Three) { Replicas = [1, 1, 1] };
        Assert.True(each.HasNoPolicy);
        Assert.Equal(new("k", 3, Three), each);
        Assert.StartsWith("{\"format\":1,", Encoding.UTF8.GetString(RingSnapshotJson.Serialize(RingSnapshot.Empty.WithKeyspace(each))));
    }

    [Fact]
    public void Only_what_is_named_is_changed_and_what_is_the_default_anyhow_is_not_kept()
    {
        var ring = RingSnapshot.Empty.WithKeyspace(new("a", 1, Three)).WithKeyspace(new("k", 1, Three));
        Assert.Same(ring, ring.WithChange("k", new()));
        var changed = ring.WithChange("k", new() { PreferredLeaders = [new("fra")], MaxValueBytes = 9 });
        Assert.Equal(ring.Version.Value + 1, changed.Version.Value);
        Assert.Equal(ring.Keyspaces[0], changed.Keyspaces[0]);
        changed = changed.WithChange("k", new() { ReadDefault = new(ReadLevelKind.Local), Survives = SurvivalGoal.Silo });
        Assert.Equal(
            new KeyspaceDescriptor("k", 1, Three) { PreferredLeaders = [new("fra")], MaxValueBytes = 9, ReadDefault = new(ReadLevelKind.Local), Survives = SurvivalGoal.Silo },
            changed.Keyspaces[1]);

        // Whoever creates it without saying more than before finds it there; whoever asks for something else does not.
        Assert.Same(changed, changed.WithKeyspace(new("k", 1, Three)));
        Assert.Contains("can be altered", Assert.Throws<ArgumentException>(() => changed.WithKeyspace(new KeyspaceDescriptor("k", 1, Three) { MaxValueBytes = 8 })).Message);
        Assert.Contains("by hash, not by range", Assert.Throws<ArgumentException>(() => changed.WithKeyspace(KeyspaceDescriptor.OfRanges("k", [], Three))).Message);
        Assert.Contains("no keyspace 'x'", Assert.Throws<KeyNotFoundException>(() => changed.WithChange("x", new())).Message);
        Assert.Contains("no replica", Assert.Throws<ArgumentException>(() => changed.WithChange("k", new() { PreferredLeaders = [new("rom")] })).Message);
        var back = changed.WithChange("k", new() { PreferredLeaders = [], MaxValueBytes = KeyLimits.MaxValueBytes, ReadDefault = new(ReadLevelKind.Linearizable) });
        Assert.Equal(new KeyspaceDescriptor("k", 1, Three) { Survives = SurvivalGoal.Silo }, back.Keyspaces[1]);
    }

    [Fact]
    public void A_limit_of_shards_is_altered_and_kept_and_without_one_earlier_versions_read_the_ring()
    {
        var ring = RingSnapshot.Empty.WithKeyspace(new("k", 1, Three));
        Assert.Contains("at least 1", Assert.Throws<ArgumentException>(() => ring.WithChange("k", new() { MaxShardBytes = -1 })).Message);
        var limited = ring.WithChange("k", new() { MaxShardBytes = 9 });
        Assert.Equal(9, limited.WithChange("k", new() { MaxValueBytes = 3 }).Keyspaces[0].MaxShardBytes);
        const string Golden = """{"format":4,"version":2,"members":[],"keyspaces":[{"name":"k","shardCount":1,"datacenters":["ber","fra","par"],"maxShardBytes":9}]}""";
        Assert.Equal(Golden, Encoding.UTF8.GetString(RingSnapshotJson.Serialize(limited)));
        Assert.Equal(limited, RingSnapshotJson.Deserialize(Encoding.UTF8.GetBytes(Golden)));
        Assert.NotEqual(limited, limited.WithChange("k", new() { MaxShardBytes = 8 }) with { Version = limited.Version });
        Assert.StartsWith("""{"format":1,""", Encoding.UTF8.GetString(RingSnapshotJson.Serialize(limited.WithChange("k", new() { MaxShardBytes = 0 }))));
    }

    [Fact]
    public void Values_have_the_keyspaces_limit()
    {
        var keyspace = new KeyspaceDescriptor("k", 1, Three) { MaxValueBytes = 2 };
        Assert.Contains("the value has 3 bytes; keyspace 'k' allows at most 2", keyspace.DescribeProblem(new PutOperation(Bytes("k"), Bytes("abc"))));
        Assert.NotNull(keyspace.DescribeProblem(new CompareAndSetOperation(Bytes("k"), null, Bytes("abc"))));
        Assert.Null(keyspace.DescribeProblem(new CompareAndSetOperation(Bytes("k"), Bytes("abc"), Bytes("ab"))));
        Assert.Null(keyspace.DescribeProblem(new DeleteOperation(Bytes("k"))));
        Assert.NotNull(keyspace.DescribeProblem(new AppendOperation(Bytes("k"), Bytes("abc"))));
        Assert.NotNull(keyspace.DescribeProblem(BatchOperation.Of(null, [new DeleteOperation(Bytes("k"))], [new PutOperation(Bytes("k"), Bytes("abc"))])));
        Assert.Null(keyspace.DescribeProblem(BatchOperation.Of(null, [new PutOperation(Bytes("k"), Bytes("ab"))])));
        Assert.Null((keyspace with { MaxValueBytes = null }).DescribeProblem(new PutOperation(Bytes("k"), Bytes("abc"))));
    }

    [Theory]
    [InlineData("linearizable")]
    [InlineData("follower")]
    [InlineData("local")]
    [InlineData("bounded:1500ms")]
    [InlineData("bounded:0.1ms")]
    public void A_default_of_reads_keeps_its_text(string text)
    {
        Assert.True(ReadDefault.TryParse(text, out var level));
        Assert.Null(level.DescribeProblem());
        Assert.Equal(text, level.ToString());
    }

    private static KeyspaceDescriptor RandomRanges(Random random) => KeyspaceDescriptor.OfRanges(
        "k",
        Enumerable.Range(0, random.Next(12)).Select(_ => Convert.ToHexString(RandomKey(random))).Distinct().Order(StringComparer.Ordinal).Select(static hex => (ReadOnlyMemory<byte>)Convert.FromHexString(hex)),
        Three);

    private static byte[] RandomKey(Random random) => [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => (byte)"abc\0\xFF"[random.Next(5)])];

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
