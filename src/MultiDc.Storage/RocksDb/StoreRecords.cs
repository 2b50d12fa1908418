using System.Buffers.Binary;
using System.Text;

namespace MultiDc.Storage;

/// <summary>
/// The values of layout version 1 that are the store's own (LAYOUT.md); entries, hard states and snapshot metadata have codecs in
/// MultiDc.Raft. Each is a version byte, fields in little-endian, and a CRC-32C of all before. Decoders throw
/// <see cref="CodecException"/> only.
/// </summary>
internal static class StoreRecords
{
    /// <summary>The layout this program writes: keys, families and values together. A store of a higher version is not opened.</summary>
    public const byte LayoutVersion = 1;

    private const byte Version = 1;
    private const int ChecksumBytes = 4;

    public static byte[] EncodeIdentity(StoreIdentity identity)
    {
        var body = new byte[1 + 16 + Encoding.UTF8.GetByteCount(identity.ClusterId)];
        body[0] = LayoutVersion;
        identity.StoreId.TryWriteBytes(body.AsSpan(1), bigEndian: true, out _);
        Encoding.UTF8.GetBytes(identity.ClusterId, body.AsSpan(17));
        return Seal(body);
    }

    public static StoreIdentity DecodeIdentity(byte[] record)
    {
        var body = Unseal(record, LayoutVersion, atLeast: 17, "the store's identity");
        return new StoreIdentity(Encoding.UTF8.GetString(body[17..]), new Guid(body[1..17], bigEndian: true));
    }

    public static byte[] EncodeSlot(uint slot)
    {
        var body = new byte[5];
        body[0] = Version;
        BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(1), slot);
        return Seal(body);
    }

    public static uint DecodeSlot(byte[] record) =>
        BinaryPrimitives.ReadUInt32LittleEndian(Unseal(record, Version, atLeast: 5, "a replica's slot")[1..]);

    public static byte[] EncodeReplica(ReplicaRecord replica)
    {
        var body = new byte[13];
        body[0] = Version;
        BinaryPrimitives.WriteUInt64LittleEndian(body.AsSpan(1), replica.Epoch);
        BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(9), replica.Generation);
        return Seal(body);
    }

    public static ReplicaRecord DecodeReplica(byte[] record)
    {
        var body = Unseal(record, Version, atLeast: 13, "a replica's record");
        return new ReplicaRecord(BinaryPrimitives.ReadUInt64LittleEndian(body[1..]), BinaryPrimitives.ReadUInt32LittleEndian(body[9..]));
    }

    public static byte[] EncodeApplied(ulong applied)
    {
        var body = new byte[9];
        body[0] = Version;
        BinaryPrimitives.WriteUInt64LittleEndian(body.AsSpan(1), applied);
        return Seal(body);
    }

    public static ulong DecodeApplied(byte[] record) =>
        BinaryPrimitives.ReadUInt64LittleEndian(Unseal(record, Version, atLeast: 9, "an applied index")[1..]);

    public static byte[] EncodeRecord(ReadOnlySpan<byte> value)
    {
        var body = new byte[1 + value.Length];
        body[0] = Version;
        value.CopyTo(body.AsSpan(1));
        return Seal(body);
    }

    public static byte[] DecodeRecord(byte[] record) => Unseal(record, Version, atLeast: 1, "a record")[1..].ToArray();

    private static byte[] Seal(byte[] body)
    {
        var record = new byte[body.Length + ChecksumBytes];
        body.CopyTo(record, 0);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(body.Length), Crc32C.Compute(body));
        return record;
    }

    private static ReadOnlySpan<byte> Unseal(byte[] record, byte version, int atLeast, string what)
    {
        if (record.Length < atLeast + ChecksumBytes)
        {
            throw new CodecException($"{what}: {record.Length} bytes are too few");
        }

        var body = record.AsSpan(0, record.Length - ChecksumBytes);
        if (BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(body.Length)) != Crc32C.Compute(body))
        {
            throw new CodecException($"{what}: checksum mismatch");
        }

        return body[0] == version
            ? body
            : throw new CodecException($"{what}: format version {body[0]} is unknown, this program knows {version}");
    }
}

/// <summary>What says which opening may write and which rows are the state.</summary>
/// <param name="Epoch">The latest opening.</param>
/// <param name="Generation">Which generation of rows is the state; rows of another are staged or left over.</param>
internal readonly record struct ReplicaRecord(ulong Epoch, uint Generation);
