using System.Buffers;
using System.Buffers.Binary;

namespace MultiDc.Server.StateMachine;

/// <summary>The fields of commands and rows: numbers are little-endian, byte strings have their length (4) in front, where -1 means absent.</summary>
internal static class FieldBytes
{
    public static void WriteByte(this ArrayBufferWriter<byte> writer, byte value)
    {
        writer.GetSpan(1)[0] = value;
        writer.Advance(1);
    }

    public static void WriteInt32(this ArrayBufferWriter<byte> writer, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(writer.GetSpan(4), value);
        writer.Advance(4);
    }

    public static void WriteUInt64(this ArrayBufferWriter<byte> writer, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(writer.GetSpan(8), value);
        writer.Advance(8);
    }

    public static void WriteBytes(this ArrayBufferWriter<byte> writer, ReadOnlyMemory<byte>? bytes)
    {
        writer.WriteInt32(bytes?.Length ?? -1);
        if (bytes is { Length: > 0 and var length })
        {
            bytes.Value.Span.CopyTo(writer.GetSpan(length));
            writer.Advance(length);
        }
    }

    public static byte ReadByte(ref ReadOnlyMemory<byte> rest) => Take(ref rest, 1).Span[0];

    public static int ReadInt32(ref ReadOnlyMemory<byte> rest) => BinaryPrimitives.ReadInt32LittleEndian(Take(ref rest, 4).Span);

    public static ulong ReadUInt64(ref ReadOnlyMemory<byte> rest) => BinaryPrimitives.ReadUInt64LittleEndian(Take(ref rest, 8).Span);

    /// <summary>How many items follow; each has at least one byte.</summary>
    public static int ReadCount(ref ReadOnlyMemory<byte> rest) => ReadInt32(ref rest) is var count && count >= 0 && count <= rest.Length
        ? count
        : throw new FormatException($"{count} items in {rest.Length} bytes");

    public static ReadOnlyMemory<byte>? ReadBytes(ref ReadOnlyMemory<byte> rest)
    {
        var length = ReadInt32(ref rest);

        // A bare null would become an empty memory here, by way of byte[].
        return length == -1 ? (ReadOnlyMemory<byte>?)null : Take(ref rest, length);
    }

    public static ReadOnlyMemory<byte> ReadPresentBytes(ref ReadOnlyMemory<byte> rest, string what) =>
        ReadBytes(ref rest) ?? throw new FormatException($"{what} is missing");

    private static ReadOnlyMemory<byte> Take(ref ReadOnlyMemory<byte> rest, int length)
    {
        if (length < 0 || length > rest.Length)
        {
            throw new FormatException("the bytes are cut short");
        }

        var taken = rest[..length];
        rest = rest[length..];
        return taken;
    }
}
