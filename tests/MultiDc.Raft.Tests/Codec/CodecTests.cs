using System.Buffers;
using System.Collections.Immutable;
using System.Diagnostics;
using CsCheck;

namespace MultiDc.Raft.Tests;

public sealed class CodecTests
{
    [Fact]
    public void A_message_comes_back_as_it_was() => Generate.Message.Sample(message =>
    {
        var bytes = Encode(message, MessageCodec.Encode);
        return Same(message, MessageCodec.Decode(bytes));
    });

    [Fact]
    public void An_entry_comes_back_as_it_was_and_says_its_length() => Gen.Select(Generate.Entry, Gen.Byte.Array[0, 9]).Sample((entry, tail) =>
    {
        var bytes = Encode(entry, EntryCodec.Encode);
        Assert.Equal(EntryCodec.EncodedLength(entry), bytes.Length);
        var decoded = EntryCodec.Decode(bytes.Concat(tail).ToArray(), out var length);
        return length == bytes.Length && Same(entry, decoded);
    });

    [Fact]
    public void Hard_state_configuration_and_snapshot_metadata_come_back_as_they_were() =>
        Gen.Select(Generate.HardState, Generate.Configuration, Generate.Snapshot).Sample((hardState, configuration, snapshot) =>
        {
            Assert.Equal(HardStateCodec.EncodedBytes, Encode(hardState, HardStateCodec.Encode).Length);
            Assert.Equal(ConfigurationCodec.EncodedLength(configuration), Encode(configuration, ConfigurationCodec.Encode).Length);
            Assert.Equal(SnapshotMetadataCodec.EncodedLength(snapshot), Encode(snapshot, SnapshotMetadataCodec.Encode).Length);
            Assert.Equal(hardState, HardStateCodec.Decode(Encode(hardState, HardStateCodec.Encode)));
            Assert.Equal(configuration, ConfigurationCodec.Decode(Encode(configuration, ConfigurationCodec.Encode)));
            Assert.Equal(snapshot, SnapshotMetadataCodec.Decode(Encode(snapshot, SnapshotMetadataCodec.Encode)));
        });

    [Fact]
    public void Payloads_are_slices_of_the_input()
    {
        var entry = new LogEntry(new EntryId(new Term(1), new LogIndex(1)), EntryKind.Command, "abc"u8.ToArray());
        var bytes = Encode(entry, EntryCodec.Encode);
        Assert.True(bytes.AsMemory(EntryCodec.HeaderBytes).Equals(EntryCodec.Decode(bytes).Payload));
    }

    [Fact]
    public void Crc_is_the_published_one() => Assert.Equal(0xE3069283, Crc32C.Compute("1234"u8, "56789"u8));

    [Fact]
    public void Damaged_bytes_decode_to_a_message_with_the_same_bytes_or_throw_CodecException() =>
        Gen.Select(Generate.Message, Gen.Select(Gen.Int, Gen.Byte).Array[0, 4], Gen.Int).Sample((message, changes, cut) =>
        {
            var bytes = Encode(message, MessageCodec.Encode);
            foreach (var (at, value) in changes)
            {
                bytes[(int)((uint)at % (uint)bytes.Length)] = value;
            }

            bytes = bytes[..(bytes.Length - (cut % 3 == 0 ? (int)((uint)cut % (uint)bytes.Length) : 0))];
            if (Decoded(() => MessageCodec.Decode(bytes)) is { } survivor)
            {
                Assert.Equal(bytes, Encode(survivor, MessageCodec.Encode));
            }
        });

    [Fact]
    public void Damaged_bytes_decode_to_a_configuration_with_the_same_bytes_or_throw_CodecException()
    {
        var survivors = 0;
        Gen.Select(Generate.Configuration, Gen.Select(Gen.Int[0, int.MaxValue], Gen.OneOf(Gen.Byte[0, 31], Gen.Byte)).Array[0, 3], Gen.Int[0, 30]).Sample(
            (configuration, changes, cut) =>
            {
                var bytes = Encode(configuration, ConfigurationCodec.Encode);
                bytes = bytes[..Math.Max(1, bytes.Length - Math.Max(0, cut - 25))];
                foreach (var (at, value) in changes)
                {
                    bytes[at % bytes.Length] = value;
                }

                if (Decoded(() => ConfigurationCodec.Decode(bytes)) is { } survivor)
                {
                    Interlocked.Increment(ref survivors);
                    Assert.Equal(bytes, Encode(survivor, ConfigurationCodec.Encode));
                }
            });
        Assert.True(survivors > 0, "hardly a test if nothing gets through");
    }

    [Theory]
    [InlineData("02000101 0500000000000000 00 0000000000000000", "a member without a part")]
    [InlineData("02000101 0500000000000000 21 0000000000000000", "an unknown part")]
    [InlineData("02000101 0500000000000000 01 0000000000000000", "plain voters in version 2")]
    [InlineData("02000201 0500000000000000 01 0000000000000000", "commits count datacenters and none is told")]
    [InlineData("02000001 0500000000000000 01 0100000000000000", "commits in no datacenter")]
    [InlineData("02010101 0500000000000000 01 0100000000000000", "auto-leave of what is not joint")]
    [InlineData("02020101 0500000000000000 03 0000000000000000", "unknown flags")]
    [InlineData("02000101 0000000000000000 01 0100000000000000", "nobody as a member")]
    [InlineData("02000101 0500000000000000 11 0100000000000000", "a witness as a majority")]
    [InlineData("02000101 0500000000000000 04 0000000000000000", "a learner without voters")]
    [InlineData("02000102 0500000000000000 05 0000000000000000 0600000000000000 01 0000000000000000", "a learner that votes")]
    [InlineData("02000102 0500000000000000 03 0000000000000000 0600000000000000 09 0000000000000000", "a voter to stay that becomes a learner")]
    [InlineData("02000102 0600000000000000 01 0100000000000000 0500000000000000 01 0100000000000000", "descending members")]
    [InlineData("02000100 00", "a byte after the end")]
    [InlineData("0100", "version 1 without voters")]
    [InlineData("03000100", "an unknown version")]
    public void Impossible_configurations_are_refused(string hex, string why) =>
        Assert.True(Decoded(() => ConfigurationCodec.Decode(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)))) is null, why);

    [Fact]
    public void Version_1_is_written_for_plain_voters_and_version_2_for_anything_else() => Generate.Configuration.Sample(configuration =>
    {
        var isPlain = configuration.Voters.Length > 0 && configuration.ToString() == $"voters=({string.Join(' ', configuration.Voters)})";
        return Encode(configuration, ConfigurationCodec.Encode)[0] == (isPlain ? 1 : 2);
    });

    [Fact]
    public void One_damaged_byte_anywhere_in_what_a_disk_holds_is_noticed() =>
        Gen.Select(Generate.Entry, Generate.HardState, Generate.Snapshot, Gen.Int[0, int.MaxValue], Gen.Byte[1, 255]).Sample(
            (entry, hardState, snapshot, at, flip) =>
            {
                Assert.Null(Decoded(() => EntryCodec.Decode(Flipped(Encode(entry, EntryCodec.Encode)))));
                Assert.Null(Decoded(() => SnapshotMetadataCodec.Decode(Flipped(Encode(snapshot, SnapshotMetadataCodec.Encode)))));
                Assert.Null(Decoded(() => (object)HardStateCodec.Decode(Flipped(Encode(hardState, HardStateCodec.Encode)))));

                byte[] Flipped(byte[] bytes)
                {
                    bytes[at % bytes.Length] ^= flip;
                    return bytes;
                }
            });

    [Fact]
    public void Noise_throws_CodecException_in_every_decoder() => Gen.Byte.Array[0, 80].Sample(noise =>
    {
        // The version byte is right in half of the cases, or hardly anything would get past it.
        if (noise.Length > 1 && noise[^1] % 2 == 0)
        {
            noise[0] = 1;
        }

        Decoded(() => ConfigurationCodec.Decode((byte[])[ConfigurationCodec.FormatVersion, .. noise]));

        Decoded(() => MessageCodec.Decode(noise));
        Decoded(() => EntryCodec.Decode(noise));
        Decoded(() => ConfigurationCodec.Decode(noise));
        Decoded(() => SnapshotMetadataCodec.Decode(noise));
        Decoded(() => (object)HardStateCodec.Decode(noise));
    });

    [Theory]
    [InlineData("0105 01 02 03 00 00 ffffffffffffffff7f", "count of entries")]
    [InlineData("0105 01 02 03 00 00 ffffffff07", "count of entries")]
    [InlineData("0106 01 02 03 8000", "varint longer than needed")]
    [InlineData("0106 01 02 03 ffffffffffffffffff02", "varint over 64 bits")]
    [InlineData("0102 01 02 03 02", "boolean of two")]
    [InlineData("010b 01 02 03 00", "byte after the end")]
    [InlineData("020b 01 02 03", "version 2 where version 1 says it")]
    [InlineData("0209 01 02 03 04 00 00", "version 2 without a promise")]
    [InlineData("0109 01 02 03 04 01 01", "a promise in version 1")]
    [InlineData("0209 01 02 03 04 ffffffffffffffffff01 01", "a clock beyond 63 bits")]
    [InlineData("030b 01 02 03", "unknown version")]
    [InlineData("000b 01 02 03", "unknown version")]
    [InlineData("010e 01 02 03", "version 1 of what came with version 2")]
    [InlineData("010f 01 02 03", "unknown type")]
    [InlineData("020f 01 02 03", "unknown type")]
    [InlineData("", "nothing")]
    public void Absurd_messages_are_refused_without_a_large_allocation(string hex, string why)
    {
        var bytes = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        Decoded(() => MessageCodec.Decode(bytes));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.True(Decoded(() => MessageCodec.Decode(bytes)) is null, why);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 20_000);
    }

    [Fact]
    public void Entries_of_an_append_must_be_contiguous_and_of_no_later_term_than_the_message()
    {
        Assert.Null(Decoded(() => RoundTrip(Append(term: 3, Entry(2, 5), Entry(2, 7)))));
        Assert.Null(Decoded(() => RoundTrip(Append(term: 3, Entry(4, 5)))));
        Assert.Null(Decoded(() => RoundTrip(Append(term: 3, Entry(3, 5), Entry(2, 6)))));
        Assert.NotNull(Decoded(() => RoundTrip(Append(term: 3, Entry(2, 5), Entry(3, 6)))));

        static LogEntry Entry(ulong term, ulong index) => new(new EntryId(new Term(term), new LogIndex(index)), EntryKind.NoOp, default);
        static RaftMessage RoundTrip(RaftMessage message) => MessageCodec.Decode(Encode(message, MessageCodec.Encode));
        static AppendRequest Append(ulong term, params ImmutableArray<LogEntry> entries) =>
            new(new ReplicaId(1), new ReplicaId(2), new Term(term), new EntryId(new Term(2), new LogIndex(4)), entries, LogIndex.Zero);
    }

    internal static byte[] Encode<T>(T value, Action<T, IBufferWriter<byte>> encode)
    {
        var output = new ArrayBufferWriter<byte>();
        encode(value, output);
        return output.WrittenSpan.ToArray();
    }

    internal static bool Same(RaftMessage left, RaftMessage right) => (left, right) switch
    {
        (AppendRequest a, AppendRequest b) => a with { Entries = [] } == b with { Entries = [] }
            && a.Entries.Length == b.Entries.Length
            && a.Entries.Zip(b.Entries).All(pair => Same(pair.First, pair.Second)),
        _ => left == right,
    };

    private static bool Same(LogEntry left, LogEntry right) =>
        left.Id == right.Id && left.Kind == right.Kind && left.Payload.Span.SequenceEqual(right.Payload.Span);

    /// <summary>What was decoded, or null when it was refused; any other exception fails the test.</summary>
    private static T? Decoded<T>(Func<T> decode)
        where T : class
    {
        try
        {
            return decode() ?? throw new UnreachableException();
        }
        catch (CodecException)
        {
            return null;
        }
    }
}
