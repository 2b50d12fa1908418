using System.Collections.Immutable;
using System.Text;
using CsCheck;
using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Ring;
using MultiDc.Server.Founding;
using MultiDc.Server.Openings;
using MultiDc.Server.Replication;
using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Tests.StateMachine;

/// <summary>
/// The bytes of format version 1, frozen. A failure here means that running silos and existing disks would not understand this build: add a
/// version, do not change these.
/// </summary>
public sealed class GoldenTests
{
    private static readonly Dictionary<string, (KeyValueCommand Command, string Hex)> Commands = new()
    {
        ["open"] = (OpenSessionCommand.Instance, "0101"),
        ["put"] = (Write(new PutOperation("key"u8.ToArray(), "value"u8.ToArray())), "0102" + Header + "0500000076616C7565"),
        ["delete"] = (Write(new DeleteOperation("key"u8.ToArray())), "0103" + Header),
        ["set"] = (Write(new CompareAndSetOperation("key"u8.ToArray(), "old"u8.ToArray(), "new"u8.ToArray())), "0104" + Header + "030000006F6C64030000006E6577"),
        ["create"] = (Write(new CompareAndSetOperation("key"u8.ToArray(), null, "new"u8.ToArray())), "0104" + Header + "FFFFFFFF030000006E6577"),
        ["empty"] = (Write(new CompareAndSetOperation("key"u8.ToArray(), ReadOnlyMemory<byte>.Empty, ReadOnlyMemory<byte>.Empty)), "0104" + Header + "0000000000000000"),
    };

    private const string Header = "0807060504030201" + "0900000000000000" + "03000000" + "6B6579";
    private const string FrameHex = "01" + "06000000" + "01090102" + "072A" + "06000000" + "010603010729";
    private const string ShardJson = """{"format":1,"firstHash":9223372036854775808,"lastHash":18446744073709551615,"datacenters":["ber","fra","par"]}""";
    private const string ShardWithWitnessJson =
        """{"format":2,"firstHash":0,"lastHash":18446744073709551615,"datacenters":["ber","fra","par"],"witnesses":["par"]}""";

    private const string RingWithWitnessJson =
        """{"format":2,"version":7,"members":[{"silo":"s1","datacenter":"ber","weight":2}],"keyspaces":[{"name":"old","shardCount":1,"datacenters":["ber"]},{"name":"orders","shardCount":16,"datacenters":["ber","fra","par"],"witnesses":["par"]}]}""";

    private const string ShardOfKeysJson =
        """{"format":3,"datacenters":["ber","fra","par"],"witnesses":["par"],"fromKey":"aA==","beforeKey":"cQ=="}""";

    private const string FirstShardOfKeysJson = """{"format":3,"datacenters":["ber"],"fromKey":""}""";

    private const string RingWithPoliciesJson =
        """{"format":3,"version":7,"members":[{"silo":"s1","datacenter":"ber","weight":2}],"keyspaces":[{"name":"old","shardCount":1,"datacenters":["ber"]},{"name":"orders","shardCount":3,"datacenters":["ber","fra","par"],"witnesses":["par"],"splitPoints":["aA==","cQ=="],"preferredLeaders":["fra","ber"],"readDefault":"bounded:1500ms","maxValueBytes":100,"survives":"datacenter"},{"name":"whole","shardCount":1,"datacenters":["ber"],"splitPoints":[]}]}""";

    private const string ShardWithReplicasJson =
        """{"format":4,"firstHash":0,"lastHash":18446744073709551615,"datacenters":["ber","fra","par"],"witnesses":["par"],"replicas":[2,2,1]}""";

    private const string ShardOfKeysWithReplicasJson = """{"format":4,"datacenters":["ber"],"fromKey":"aA==","replicas":[3]}""";

    private const string RingWithReplicasJson =
        """{"format":4,"version":7,"members":[],"keyspaces":[{"name":"old","shardCount":1,"datacenters":["ber"]},{"name":"orders","shardCount":16,"datacenters":["ber","fra","par"],"replicas":[2,2,1]}]}""";

    private const string RingWithDropAndReplicasJson =
        """{"format":4,"version":7,"members":[],"keyspaces":[{"name":"orders","shardCount":16,"datacenters":["ber","fra","par"],"incarnation":5,"maxShardBytes":9,"replicas":[2,2,1]}],"lastDrop":4}""";

    private const string RingJson =
        """{"format":1,"version":7,"members":[{"silo":"s1","datacenter":"ber","weight":2}],"keyspaces":[{"name":"orders","shardCount":16,"datacenters":["ber","fra"]}]}""";

    public static TheoryData<string> CommandNames => [.. Commands.Keys];

    [Theory]
    [MemberData(nameof(CommandNames))]
    public void Commands_keep_their_bytes(string name)
    {
        var (command, hex) = Commands[name];
        Assert.Equal(hex, Convert.ToHexString(KeyValueCommandCodec.Encode(command).Span));
        Assert.Equal(hex, Convert.ToHexString(KeyValueCommandCodec.Encode(KeyValueCommandCodec.Decode(Convert.FromHexString(hex))).Span));
    }

    [Fact]
    public void An_absent_expected_value_stays_apart_from_an_empty_one()
    {
        Assert.Null(Assert.IsType<CompareAndSetOperation>(Decoded("create")).Expected);
        Assert.Equal(0, Assert.IsType<CompareAndSetOperation>(Decoded("empty")).Expected!.Value.Length);

        static WriteOperation Decoded(string name) => ((WriteCommand)KeyValueCommandCodec.Decode(Convert.FromHexString(Commands[name].Hex))).Operation;
    }

    [Fact]
    public void State_rows_keep_their_bytes()
    {
        Assert.Equal("106B6579", Convert.ToHexString(StateRows.EntryKey("key"u8).Span));
        Assert.Equal("200102030405060708", Convert.ToHexString(StateRows.SessionKey(new(0x0102030405060708)).Span));
        var entry = new KeyValueEntry("key"u8.ToArray(), "value"u8.ToArray(), new(3), new(5), 2);
        const string EntryHex = "01" + "0300000000000000" + "0500000000000000" + "0200000000000000" + "76616C7565";
        Assert.Equal(EntryHex, Convert.ToHexString(StateRows.Encode(entry).Span));
        var read = StateRows.DecodeEntry("key"u8.ToArray(), Convert.FromHexString(EntryHex));
        Assert.Equal((3UL, 5UL, 2UL, "value"), (read.CreateRevision.Value, read.ModifyRevision.Value, read.Version, Encoding.UTF8.GetString(read.Value.Span)));

        var session = new SessionRecord(new(9), new(300), SessionOutcome.PreconditionFailed, new(299));
        const string SessionHex = "01" + "0900000000000000" + "2C01000000000000" + "02" + "2B01000000000000";
        Assert.Equal(SessionHex, Convert.ToHexString(StateRows.Encode(session).Span));
        Assert.Equal(session, StateRows.DecodeSession(Convert.FromHexString(SessionHex)));
    }

    [Fact]
    public void Frames_keep_their_bytes()
    {
        RaftMessage[] messages = [new HeartbeatResponse(new(1), new(2), new(7), 42), new AppendAccepted(new(3), new(1), new(7), new(41))];
        Assert.Equal(FrameHex, Convert.ToHexString(FrameMessages.Encode(messages).Span));
        Assert.Equal(messages, FrameMessages.Decode(Convert.FromHexString(FrameHex)));
    }

    [Fact]
    public void Stored_descriptions_keep_their_text()
    {
        var shard = new ShardDescriptor(HashRange.OfShard(1, 2), [new("ber"), new("fra"), new("par")], []);
        Assert.Equal(ShardJson, Encoding.UTF8.GetString(shard.Serialize()));
        var read = ShardDescriptor.Deserialize(Encoding.UTF8.GetBytes(ShardJson));
        Assert.Equal(shard.Range, read.Range);
        Assert.Equal(shard.Datacenters.AsEnumerable(), read.Datacenters);

        var ring = new RingSnapshot(new(7), [new("s1", new("ber"), 2)], [new("orders", 16, [new("ber"), new("fra")])]);
        Assert.Equal(RingJson, Encoding.UTF8.GetString(RingSnapshotJson.Serialize(ring)));
        Assert.Equal(ring, RingSnapshotJson.Deserialize(Encoding.UTF8.GetBytes(RingJson)));
    }

    [Fact]
    public void Stored_descriptions_with_witnesses_keep_their_text()
    {
        var shard = new ShardDescriptor(HashRange.Full, [new("ber"), new("fra"), new("par")], [new("par")]);
        Assert.Equal(ShardWithWitnessJson, Encoding.UTF8.GetString(shard.Serialize()));
        var read = ShardDescriptor.Deserialize(Encoding.UTF8.GetBytes(ShardWithWitnessJson));
        Assert.Equal((shard.Range, "ber fra par", "par"), (read.Range, string.Join(' ', read.Datacenters), string.Join(' ', read.Witnesses)));

        var ring = new RingSnapshot(new(7), [new("s1", new("ber"), 2)], [new("old", 1, [new("ber")]), new("orders", 16, [new("ber"), new("fra"), new("par")], [new("par")])]);
        Assert.Equal(RingWithWitnessJson, Encoding.UTF8.GetString(RingSnapshotJson.Serialize(ring)));
        Assert.Equal(ring, RingSnapshotJson.Deserialize(Encoding.UTF8.GetBytes(RingWithWitnessJson)));
    }

    [Fact]
    public void Stored_descriptions_with_ranges_and_policies_keep_their_text()
    {
        ShardDescriptor[] shards =
        [
            new(KeyRange.OfKeys("h"u8.ToArray(), "q"u8.ToArray()), [new("ber"), new("fra"), new("par")], [new("par")]),
            new(KeyRange.OfKeys(default, null), [new("ber")], []),
        ];
        Assert.Equal([ShardOfKeysJson, FirstShardOfKeysJson], shards.Select(static shard => Encoding.UTF8.GetString(shard.Serialize())));
        Assert.Equal(shards.Select(static shard => shard.Range), new[] { ShardOfKeysJson, FirstShardOfKeysJson }.Select(static json => ShardDescriptor.Deserialize(Encoding.UTF8.GetBytes(json)).Range));

        var ring = new RingSnapshot(
            new(7),
            [new("s1", new("ber"), 2)],
            [
                new("old", 1, [new("ber")]),
                new("orders", 3, [new("ber"), new("fra"), new("par")], [new("par")])
                {
                    Partitioning = Partitioning.Range,
                    SplitPoints = ["h"u8.ToArray(), "q"u8.ToArray()],
                    PreferredLeaders = [new("fra"), new("ber")],
                    ReadDefault = new(ReadLevelKind.BoundedStaleness, TimeSpan.FromSeconds(1.5)),
                    MaxValueBytes = 100,
                    Survives = SurvivalGoal.Datacenter,
                },
                KeyspaceDescriptor.OfRanges("whole", [], [new("ber")]),
            ]);
        Assert.Equal(RingWithPoliciesJson, Encoding.UTF8.GetString(RingSnapshotJson.Serialize(ring)));
        Assert.Equal(ring, RingSnapshotJson.Deserialize(Encoding.UTF8.GetBytes(RingWithPoliciesJson)));

        // Whose policies were taken away again is as before.
        Assert.StartsWith("{\"format\":1,", Encoding.UTF8.GetString(RingSnapshotJson.Serialize(new RingSnapshot(new(7), [], [new("old", 1, [new("ber")]) { PreferredLeaders = [], SplitPoints = [] }]))));
    }

    [Fact]
    public void Stored_descriptions_with_several_replicas_keep_their_text()
    {
        ShardDescriptor[] shards =
        [
            new(HashRange.Full, [new("ber"), new("fra"), new("par")], [new("par")]) { Replicas = [2, 2, 1] },
            new(KeyRange.OfKeys("h"u8.ToArray(), null), [new("ber")], []) { Replicas = [3] },
        ];
        string[] texts = [ShardWithReplicasJson, ShardOfKeysWithReplicasJson];
        Assert.Equal(texts, shards.Select(static shard => Encoding.UTF8.GetString(shard.Serialize())));
        var read = texts.Select(static json => ShardDescriptor.Deserialize(Encoding.UTF8.GetBytes(json))).ToArray();
        Assert.Equal(["ber fra par ber#2 fra#2", "ber ber#2 ber#3"], read.Select(static shard => string.Join(' ', shard.Places)));
        Assert.Equal(shards.Select(static shard => shard.Range), read.Select(static shard => shard.Range));
        Assert.Equal(shards[0].Members.Configuration, read[0].Members.Configuration);

        var ring = new RingSnapshot(new(7), [], [new("old", 1, [new("ber")]), new("orders", 16, [new("ber"), new("fra"), new("par")]) { Replicas = [2, 2, 1] }]);
        Assert.Equal(RingWithReplicasJson, Encoding.UTF8.GetString(RingSnapshotJson.Serialize(ring)));
        Assert.Equal(ring, RingSnapshotJson.Deserialize(Encoding.UTF8.GetBytes(RingWithReplicasJson)));

        var afterDrop = new RingSnapshot(new(7), [], [new("orders", 16, [new("ber"), new("fra"), new("par")]) { Replicas = [2, 2, 1], Incarnation = 5, MaxShardBytes = 9 }]) { LastDrop = new(4) };
        Assert.Equal(RingWithDropAndReplicasJson, Encoding.UTF8.GetString(RingSnapshotJson.Serialize(afterDrop)));
        var readAfterDrop = RingSnapshotJson.Deserialize(Encoding.UTF8.GetBytes(RingWithDropAndReplicasJson));
        Assert.Equal(afterDrop, readAfterDrop);
        Assert.Equal("orders~5/0@fra#2", ReplicaAddress.Of(readAfterDrop.Keyspaces[0].ShardAt(0), readAfterDrop.Keyspaces[0].Places[^1]).ToString());
    }

    [Fact]
    public void A_later_format_is_refused_by_name()
    {
        Assert.Contains("version 9", Assert.Throws<FormatException>(() => KeyValueCommandCodec.Decode(new byte[] { 9, 1 })).Message);
        Assert.Contains("version 9", Assert.Throws<FormatException>(() => StateRows.DecodeEntry(default, Enumerable.Repeat((byte)9, 40).ToArray())).Message);
        Assert.Contains("version 9", Assert.Throws<CodecException>(() => FrameMessages.Decode(new byte[] { 9 })).Message);
        Assert.Contains("format 9", Assert.Throws<FormatException>(() => ShardDescriptor.Deserialize(Encoding.UTF8.GetBytes(ShardJson.Replace(":1,", ":9,")))).Message);
        Assert.Contains("format 9", Assert.Throws<FormatException>(() => RingSnapshotJson.Deserialize(Encoding.UTF8.GetBytes(RingJson.Replace(":1,", ":9,")))).Message);
    }

    [Fact]
    public void Damaged_bytes_are_a_format_error_and_nothing_else()
    {
        foreach (var (_, hex) in Commands.Values)
        {
            Damage(Convert.FromHexString(hex), static bytes => KeyValueCommandCodec.Decode(bytes));
        }

        Damage(Convert.FromHexString(FrameHex), static bytes => FrameMessages.Decode(bytes));
        Damage(StateRows.Encode(new KeyValueEntry(default, "v"u8.ToArray(), new(1), new(2), 3)).ToArray(), static bytes => StateRows.DecodeEntry(default, bytes));
        Damage(StateRows.Encode(new SessionRecord(new(9), new(300), SessionOutcome.Applied, new(299))).ToArray(), static bytes => StateRows.DecodeSession(bytes));
        Damage(StateRows.SessionKey(new(5)).ToArray(), static bytes => StateRows.SessionOfRow(bytes));
        Damage(Encoding.UTF8.GetBytes(ShardJson), static bytes => ShardDescriptor.Deserialize(bytes));
        Damage(Encoding.UTF8.GetBytes(ShardWithWitnessJson), static bytes => ShardDescriptor.Deserialize(bytes));
        Damage(Encoding.UTF8.GetBytes(RingWithWitnessJson), static bytes => RingSnapshotJson.Deserialize(bytes));
        Damage(Encoding.UTF8.GetBytes(ShardOfKeysJson), static bytes => ShardDescriptor.Deserialize(bytes));
        Damage(Encoding.UTF8.GetBytes(RingWithPoliciesJson), static bytes => RingSnapshotJson.Deserialize(bytes));
        Damage(Encoding.UTF8.GetBytes(ShardWithReplicasJson), static bytes => ShardDescriptor.Deserialize(bytes));
        Damage(Encoding.UTF8.GetBytes(RingWithReplicasJson), static bytes => RingSnapshotJson.Deserialize(bytes));
        Damage(Encoding.UTF8.GetBytes(RingWithDropAndReplicasJson), static bytes => RingSnapshotJson.Deserialize(bytes));
        Damage(Encoding.UTF8.GetBytes(RingJson), static bytes => RingSnapshotJson.Deserialize(bytes));
        Damage(new ReplicaMemory(Guid.Empty, 5, Guid.Empty, new(7, 2, 12)).Serialize(), static bytes => ReplicaMemory.Deserialize(bytes));
    }

    [Fact]
    public void A_session_row_with_an_outcome_that_does_not_exist_is_a_format_error()
    {
        var row = StateRows.Encode(new SessionRecord(new(9), new(300), SessionOutcome.Applied, new(299))).ToArray();
        row[17] = 200;
        Assert.Throws<FormatException>(() => StateRows.DecodeSession(row));
    }

    [Theory]
    [InlineData("""{"format":1,"version":1}""")]
    [InlineData("""{"format":1,"version":1,"members":[null],"keyspaces":[]}""")]
    [InlineData("""{"format":1,"version":1,"members":[],"keyspaces":[{"name":"k","shardCount":1}]}""")]
    [InlineData("""{"format":1,"version":1,"members":[{"silo":"s","datacenter":"a","weight":0}],"keyspaces":[]}""")]
    [InlineData("""{"format":1,"version":1,"members":[],"keyspaces":[{"name":"k","shardCount":0,"datacenters":["a"]}]}""")]
    [InlineData("""{"format":1,"version":1,"members":[],"keyspaces":[{"name":"k","shardCount":1,"datacenters":["a","b","c"],"witnesses":["c"]}]}""")]
    [InlineData("""{"format":2,"version":1,"members":[],"keyspaces":[{"name":"k","shardCount":1,"datacenters":["a","b","c"],"witnesses":["d"]}]}""")]
    [InlineData("""{"format":2,"version":1,"members":[],"keyspaces":[{"name":"k","shardCount":1,"datacenters":["a"],"splitPoints":[]}]}""")]
    [InlineData("""{"format":2,"version":1,"members":[],"keyspaces":[{"name":"k","shardCount":1,"datacenters":["a"],"maxValueBytes":5}]}""")]
    [InlineData("""{"format":3,"version":1,"members":[],"keyspaces":[{"name":"k","shardCount":2,"datacenters":["a"],"splitPoints":[]}]}""")]
    [InlineData("""{"format":3,"version":1,"members":[],"keyspaces":[{"name":"k","shardCount":2,"datacenters":["a"],"splitPoints":[null]}]}""")]
    [InlineData("""{"format":3,"version":1,"members":[],"keyspaces":[{"name":"k","shardCount":3,"datacenters":["a"],"splitPoints":["cQ==","aA=="]}]}""")]
    [InlineData("""{"format":3,"version":1,"members":[],"keyspaces":[{"name":"k","shardCount":1,"datacenters":["a"],"preferredLeaders":["b"]}]}""")]
    [InlineData("""{"format":3,"version":1,"members":[],"keyspaces":[{"name":"k","shardCount":1,"datacenters":["a"],"readDefault":"session"}]}""")]
    [InlineData("""{"format":3,"version":1,"members":[],"keyspaces":[{"name":"k","shardCount":1,"datacenters":["a"],"survives":"planet"}]}""")]
    [InlineData("""{"format":3,"version":1,"members":[],"keyspaces":[{"name":"k","shardCount":1,"datacenters":["a"],"replicas":[2]}]}""")]
    [InlineData("""{"format":4,"version":1,"members":[],"keyspaces":[{"name":"k","shardCount":1,"datacenters":["a"],"replicas":[2,2]}]}""")]
    [InlineData("""{"format":4,"version":1,"members":[],"keyspaces":[{"name":"k","shardCount":1,"datacenters":["a"],"replicas":[0]}]}""")]
    [InlineData("""{"format":4,"version":1,"members":[],"keyspaces":[{"name":"k","shardCount":1,"datacenters":["a"],"replicas":[8]}]}""")]
    [InlineData("null")]
    [InlineData("")]
    public void A_ring_that_lacks_something_is_a_format_error(string json) =>
        Assert.Throws<FormatException>(() => RingSnapshotJson.Deserialize(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("""{"format":1}""")]
    [InlineData("""{"format":1,"firstHash":0,"lastHash":1,"datacenters":[null]}""")]
    [InlineData("""{"format":1,"firstHash":0,"lastHash":1,"datacenters":["a","b","c"],"witnesses":["c"]}""")]
    [InlineData("""{"format":2,"firstHash":0,"lastHash":1,"datacenters":["a","b","c"]}""")]
    [InlineData("""{"format":2,"firstHash":0,"lastHash":1,"datacenters":["a","b","c"],"witnesses":["d"]}""")]
    [InlineData("""{"format":2,"datacenters":["a"],"fromKey":"aA=="}""")]
    [InlineData("""{"format":3,"firstHash":0,"lastHash":1,"datacenters":["a"]}""")]
    [InlineData("""{"format":3,"datacenters":["a"],"beforeKey":"aA=="}""")]
    [InlineData("""{"format":3,"datacenters":["a"],"fromKey":"cQ==","beforeKey":"aA=="}""")]
    [InlineData("""{"format":3,"datacenters":["a"],"fromKey":"aA==","replicas":[2]}""")]
    [InlineData("""{"format":4,"firstHash":0,"lastHash":1,"datacenters":["a"]}""")]
    [InlineData("""{"format":4,"firstHash":0,"lastHash":1,"datacenters":["a"],"replicas":[2,1]}""")]
    [InlineData("""{"format":4,"firstHash":0,"lastHash":1,"datacenters":["a"],"replicas":[0]}""")]
    [InlineData("""{"format":4,"firstHash":0,"lastHash":1,"datacenters":["a"],"replicas":[9]}""")]
    [InlineData("""{"format":4,"firstHash":0,"lastHash":1,"datacenters":["a"],"fromKey":"aA==","replicas":[2]}""")]
    [InlineData("""{"format":4,"datacenters":["a"],"replicas":[2]}""")]
    [InlineData("no json")]
    [InlineData("")]
    public void A_shard_descriptor_that_lacks_something_is_a_format_error(string json) =>
        Assert.Throws<FormatException>(() => ShardDescriptor.Deserialize(Encoding.UTF8.GetBytes(json)));

    private static WriteCommand Write(WriteOperation operation) => new(new(0x0102030405060708), new(9), operation);

    internal static void Damage(byte[] good, Action<byte[]> decode) =>
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, Gen.Int[0, 2]).Sample(
            (at, value, how) =>
            {
                byte[] bad = how switch
                {
                    0 => good[..at],
                    1 => [.. good[..at], value, .. good[at..]],
                    _ => [.. good[..at], value, .. good[(at + 1)..]],
                };
                try
                {
                    decode(bad);
                }
                catch (Exception exception) when (exception is FormatException or CodecException)
                {
                    // The only ways to say so.
                }
            },
            iter: 1000);
}
