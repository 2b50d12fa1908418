using System.Buffers;
using System.Buffers.Binary;

namespace MultiDc.Raft;

/// <summary>
/// The bytes of a hard state on disk. Format version 1, little-endian, always 29 bytes:
/// <code>
/// 0 version=1 | 1 term u64 | 9 voted for u64 | 17 commit u64 | 25 crc32c u32 of bytes 0 to 24
/// </code>
/// </summary>
public static class HardStateCodec
{
    /// <summary>The first byte of an encoded hard state.</summary>
    public const byte FormatVersion = 1;

    /// <summary>How many bytes <see cref="Encode"/> writes.</summary>
    public const int EncodedBytes = ChecksumOffset + 4;

    private const int ChecksumOffset = 25;

    /// <summary>Writes the hard state.</summary>
    public static void Encode(HardState hardState, IBufferWriter<byte> output)
    {
        var span = output.GetSpan(EncodedBytes)[..EncodedBytes];
        span[0] = FormatVersion;
        BinaryPrimitives.WriteUInt64LittleEndian(span[1..], hardState.Term.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(span[9..], hardState.VotedFor.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(span[17..], hardState.Commit.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(span[ChecksumOffset..], Crc32C.Compute(span[..ChecksumOffset]));
        output.Advance(EncodedBytes);
    }

    /// <summary>Reads the one hard state that <paramref name="input"/> is.</summary>
    /// <exception cref="CodecException">The bytes are not exactly one hard state.</exception>
    public static HardState Decode(ReadOnlyMemory<byte> input)
    {
        var reader = new CodecReader(input);
        reader.Version(FormatVersion, "a hard state");
        var hardState = new HardState(new Term(reader.UInt64()), new ReplicaId(reader.UInt64()), new LogIndex(reader.UInt64()));
        var checksum = reader.UInt32();
        reader.End("a hard state");
        if (checksum != Crc32C.Compute(input.Span[..ChecksumOffset]))
        {
            throw new CodecException("a hard state: checksum mismatch");
        }

        return hardState;
    }
}
