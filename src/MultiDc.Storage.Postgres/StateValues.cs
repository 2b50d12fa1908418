using System.Buffers.Binary;

namespace MultiDc.Storage.Postgres;

/// <summary>
/// The value column of a state row: the value and a CRC-32C of where the row belongs and of all of it, so that a row in another's place is
/// noticed too.
/// </summary>
internal static class StateValues
{
    private const int ChecksumBytes = 4;

    public static byte[] Encode(int slot, int generation, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var bytes = new byte[value.Length + ChecksumBytes];
        value.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(value.Length), Checksum(slot, generation, key, value));
        return bytes;
    }

    public static ReadOnlyMemory<byte> Decode(ReplicaSlot slot, int generation, ReadOnlySpan<byte> key, byte[] bytes)
    {
        var length = bytes.Length - ChecksumBytes;
        return length >= 0 && BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(length)) == Checksum(slot.Number, generation, key, bytes.AsSpan(0, length))
            ? bytes.AsMemory(0, length)
            : throw new StoreCorruptedException(slot.Name, $"state/{slot.Number}/{generation}/{Convert.ToHexStringLower(key)}", "checksum mismatch");
    }

    private static uint Checksum(int slot, int generation, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var place = new byte[12 + key.Length];
        BinaryPrimitives.WriteInt32LittleEndian(place, slot);
        BinaryPrimitives.WriteInt32LittleEndian(place.AsSpan(4), generation);
        BinaryPrimitives.WriteInt32LittleEndian(place.AsSpan(8), key.Length);
        key.CopyTo(place.AsSpan(12));
        return Crc32C.Compute(place, value);
    }
}
