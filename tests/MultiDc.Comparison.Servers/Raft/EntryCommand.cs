using System.Buffers;
using System.Buffers.Binary;

namespace MultiDc.Comparison.Servers.Raft;

/// <summary>An entry of the log: a key and the value it is set to, as the length of the key (2 bytes, little endian), key and value.</summary>
internal static class EntryCommand
{
    private const int LengthBytes = sizeof(ushort);

    public static byte[] Encode(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var command = new byte[LengthBytes + key.Length + value.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(command, checked((ushort)key.Length));
        key.CopyTo(command.AsSpan(LengthBytes));
        value.CopyTo(command.AsSpan(LengthBytes + key.Length));
        return command;
    }

    /// <exception cref="InvalidDataException">It is none.</exception>
    public static (byte[] Key, byte[] Value) Decode(ReadOnlySequence<byte> command)
    {
        Span<byte> head = stackalloc byte[LengthBytes];
        if (command.Length < LengthBytes)
        {
            throw new InvalidDataException($"a command of {command.Length} bytes");
        }

        command.Slice(0, LengthBytes).CopyTo(head);
        var keyBytes = BinaryPrimitives.ReadUInt16LittleEndian(head);
        return command.Length >= LengthBytes + keyBytes
            ? (command.Slice(LengthBytes, keyBytes).ToArray(), command.Slice(LengthBytes + keyBytes).ToArray())
            : throw new InvalidDataException($"a command of {command.Length} bytes with a key of {keyBytes}");
    }
}
