using System.Buffers;
using System.Buffers.Binary;

namespace MultiDc.Raft;

/// <summary>
/// The bytes of a log entry, the same on disk and on the wire. Format version 1, little-endian:
/// <code>
/// 0 version=1 | 1 kind | 2 term u64 | 10 index u64 | 18 payload length u32 | 22 crc32c u32 | 26 payload
/// </code>
/// The checksum covers bytes 0 to 21 and the payload.
/// </summary>
public static class EntryCodec
{
    /// <summary>The first byte of an encoded entry.</summary>
    public const byte FormatVersion = 1;

    /// <summary>The bytes before the payload.</summary>
    public const int HeaderBytes = ChecksumOffset + 4;

    private const int ChecksumOffset = 22;

    /// <summary>How many bytes <see cref="Encode"/> writes.</summary>
    public static int EncodedLength(LogEntry entry) => HeaderBytes + entry.Payload.Length;

    /// <summary>Writes the entry.</summary>
    public static void Encode(LogEntry entry, IBufferWriter<byte> output)
    {
        var payload = entry.Payload.Span;
        var header = output.GetSpan(HeaderBytes)[..HeaderBytes];
        header[0] = FormatVersion;
        header[1] = (byte)entry.Kind;
        BinaryPrimitives.WriteUInt64LittleEndian(header[2..], entry.Term.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(header[10..], entry.Index.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(header[18..], (uint)payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[ChecksumOffset..], Crc32C.Compute(header[..ChecksumOffset], payload));
        output.Advance(HeaderBytes);
        output.Write(payload);
    }

    /// <summary>Reads the one entry that <paramref name="input"/> is. Its payload is a slice of the input, not a copy.</summary>
    /// <exception cref="CodecException">The bytes are not exactly one entry.</exception>
    public static LogEntry Decode(ReadOnlyMemory<byte> input)
    {
        var reader = new CodecReader(input);
        var entry = Read(ref reader);
        reader.End("an entry");
        return entry;
    }

    /// <summary>Reads the entry at the start of <paramref name="input"/>. Its payload is a slice of the input, not a copy.</summary>
    /// <param name="input">Bytes that begin with an entry.</param>
    /// <param name="length">How many of them are the entry.</param>
    /// <exception cref="CodecException">The bytes do not begin with an entry.</exception>
    public static LogEntry Decode(ReadOnlyMemory<byte> input, out int length)
    {
        var reader = new CodecReader(input);
        var entry = Read(ref reader);
        length = reader.Position;
        return entry;
    }

    internal static LogEntry Read(ref CodecReader reader)
    {
        var header = reader;
        reader.Version(FormatVersion, "an entry");
        var kind = (EntryKind)reader.Byte();
        var term = new Term(reader.UInt64());
        var index = new LogIndex(reader.UInt64());
        var payloadLength = reader.UInt32();
        var checksum = reader.UInt32();
        if (payloadLength > (uint)reader.Remaining)
        {
            throw new CodecException($"an entry: payload of {payloadLength} bytes, {reader.Remaining} left");
        }

        var payload = reader.Bytes((int)payloadLength);
        if (checksum != Crc32C.Compute(header.Bytes(ChecksumOffset).Span, payload.Span))
        {
            throw new CodecException($"an entry at {term}/{index}: checksum mismatch");
        }

        var isEmpty = kind is EntryKind.NoOp or EntryKind.WithheldCommand;
        if (kind > EntryKind.WithheldCommand || term == Term.Zero || index == LogIndex.Zero || (isEmpty && payloadLength != 0))
        {
            throw new CodecException($"an entry at {term}/{index} of kind {(byte)kind} with {payloadLength} bytes cannot be");
        }

        return new LogEntry(new EntryId(term, index), kind, payload);
    }
}
