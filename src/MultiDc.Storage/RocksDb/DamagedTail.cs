using System.Buffers.Binary;

namespace MultiDc.Storage;

/// <summary>
/// Tells a damaged tail of RocksDB's log files (write-ahead logs and manifests) from a torn one before RocksDB opens them. A record that
/// claims more bytes than the file has is, to RocksDB, a write cut short by a crash, and is dropped with all that follows. One flipped bit
/// in a length looks just the same, and the records behind it were acknowledged. A killed process leaves no whole record behind the torn one (a loss
/// of power may, among batches that were not synced yet: then this refuses a folder that lacks nothing acknowledged).
/// </summary>
/// <remarks>
/// Format: blocks of 32 KiB of records: masked CRC-32C u32 of type and payload, length u16, type u8, payload. RocksDB takes a record for
/// torn in the last block only, so no other is read.
/// </remarks>
internal static class DamagedTail
{
    private const int BlockBytes = 32 * 1024;
    private const int HeaderBytes = 7;
    private const int LengthOffset = 4;
    private const int TypeOffset = 6;

    /// <summary>The offset of the first record that is damaged rather than torn, or null.</summary>
    public static long? Find(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var length = stream.Length;
        if (length == 0)
        {
            return null;
        }

        var start = (length - 1) / BlockBytes * BlockBytes;
        var block = new byte[length - start];
        stream.Position = start;
        stream.ReadExactly(block);
        return FindInBlock(block) is { } offset ? start + offset : null;
    }

    private static int? FindInBlock(ReadOnlySpan<byte> block)
    {
        var at = 0;
        while (at + HeaderBytes <= block.Length)
        {
            var end = at + HeaderBytes + BinaryPrimitives.ReadUInt16LittleEndian(block[(at + LengthOffset)..]);
            if (end > block.Length)
            {
                return IsWhole(block[at..]) || HoldsWholeRecord(block[(at + 1)..]) ? at : null;
            }

            at = end;
        }

        return null;
    }

    private static bool HoldsWholeRecord(ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= HeaderBytes; bytes = bytes[1..])
        {
            var length = BinaryPrimitives.ReadUInt16LittleEndian(bytes[LengthOffset..]);
            if (length > 0 && HeaderBytes + length <= bytes.Length && IsWhole(bytes[..(HeaderBytes + length)]))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether the bytes are a record to their very end, whatever its length field says.</summary>
    private static bool IsWhole(ReadOnlySpan<byte> record)
    {
        var crc = Crc32C.Compute(record[TypeOffset..]);
        var masked = unchecked(((crc >> 15) | (crc << 17)) + 0xA282EAD8);
        return BinaryPrimitives.ReadUInt32LittleEndian(record) == masked;
    }
}
