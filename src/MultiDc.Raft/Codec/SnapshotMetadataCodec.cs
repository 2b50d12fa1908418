using System.Buffers;
using System.Buffers.Binary;

namespace MultiDc.Raft;

/// <summary>
/// The bytes of a snapshot's metadata, the same on disk and on the wire. Format version 1, little-endian:
/// <code>
/// 0 version=1 | 1 last included term u64 | 9 last included index u64 | 17 configuration | crc32c u32 of all before
/// </code>
/// </summary>
public static class SnapshotMetadataCodec
{
    /// <summary>The first byte of encoded metadata.</summary>
    public const byte FormatVersion = 1;

    /// <summary>How many bytes <see cref="Encode"/> writes.</summary>
    public static int EncodedLength(SnapshotMetadata snapshot) => 17 + ConfigurationCodec.EncodedLength(snapshot.Configuration) + 4;

    /// <summary>Writes the metadata.</summary>
    public static void Encode(SnapshotMetadata snapshot, IBufferWriter<byte> output)
    {
        var body = new ArrayBufferWriter<byte>(EncodedLength(snapshot));
        body.WriteByte(FormatVersion);
        body.WriteUInt64(snapshot.LastIncluded.Term.Value);
        body.WriteUInt64(snapshot.LastIncluded.Index.Value);
        ConfigurationCodec.Encode(snapshot.Configuration, body);
        output.Write(body.WrittenSpan);
        BinaryPrimitives.WriteUInt32LittleEndian(output.GetSpan(4), Crc32C.Compute(body.WrittenSpan));
        output.Advance(4);
    }

    /// <summary>Reads the one metadata that <paramref name="input"/> is.</summary>
    /// <exception cref="CodecException">The bytes are not exactly one snapshot's metadata.</exception>
    public static SnapshotMetadata Decode(ReadOnlyMemory<byte> input)
    {
        var reader = new CodecReader(input);
        var snapshot = Read(ref reader);
        reader.End("a snapshot's metadata");
        return snapshot;
    }

    internal static SnapshotMetadata Read(ref CodecReader reader)
    {
        var start = reader.Position;
        var body = reader;
        reader.Version(FormatVersion, "a snapshot's metadata");
        var last = new EntryId(new Term(reader.UInt64()), new LogIndex(reader.UInt64()));
        var configuration = ConfigurationCodec.Read(ref reader);
        var bytes = body.Bytes(reader.Position - start);
        if (reader.UInt32() != Crc32C.Compute(bytes.Span))
        {
            throw new CodecException("a snapshot's metadata: checksum mismatch");
        }

        return new SnapshotMetadata(last, configuration);
    }
}
