using System.Buffers;
using System.Buffers.Binary;
using MultiDc.Grains;

namespace MultiDc.Server.StateMachine;

/// <summary>
/// The bytes of a command in the log, pinned by golden files. Version (1), kind, then for writes: session (8, little-endian), sequence (8),
/// key length (4), key, and what the kind adds: a value with its length (4), and for compare-and-set the expected value with its length,
/// where -1 means absent.
/// </summary>
internal static class KeyValueCommandCodec
{
    private const byte Version = 1;

    private enum Kind : byte
    {
        OpenSession = 1,
        Put = 2,
        Delete = 3,
        CompareAndSet = 4,
    }

    public static ReadOnlyMemory<byte> Encode(KeyValueCommand command)
    {
        var writer = new ArrayBufferWriter<byte>(64);
        switch (command)
        {
            case OpenSessionCommand:
                WriteByte(writer, Version);
                WriteByte(writer, (byte)Kind.OpenSession);
                break;
            case WriteCommand { Operation: PutOperation put } write:
                WriteHeader(writer, Kind.Put, write);
                WriteBytes(writer, put.Value);
                break;
            case WriteCommand { Operation: DeleteOperation } write:
                WriteHeader(writer, Kind.Delete, write);
                break;
            case WriteCommand { Operation: CompareAndSetOperation set } write:
                WriteHeader(writer, Kind.CompareAndSet, write);
                WriteBytes(writer, set.Expected);
                WriteBytes(writer, set.Value);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }

        return writer.WrittenMemory;
    }

    /// <summary>Reads a command; the parts share the payload's memory.</summary>
    /// <exception cref="FormatException">The bytes are no command of a version this one knows.</exception>
    public static KeyValueCommand Decode(ReadOnlyMemory<byte> payload)
    {
        var rest = payload;
        if (ReadByte(ref rest) is var version and not Version)
        {
            throw new FormatException($"a command of version {version}; this one reads {Version}");
        }

        var kind = (Kind)ReadByte(ref rest);
        if (kind == Kind.OpenSession)
        {
            return OpenSessionCommand.Instance;
        }

        var session = new SessionId(ReadUInt64(ref rest));
        var sequence = new SessionSequence(ReadUInt64(ref rest));
        var key = ReadBytes(ref rest) ?? throw new FormatException("a write without a key");
        WriteOperation operation = kind switch
        {
            Kind.Put => new PutOperation(key, ReadBytes(ref rest) ?? throw new FormatException("a put without a value")),
            Kind.Delete => new DeleteOperation(key),
            Kind.CompareAndSet => new CompareAndSetOperation(
                key, ReadBytes(ref rest), ReadBytes(ref rest) ?? throw new FormatException("a compare-and-set without a value")),
            _ => throw new FormatException($"a command of unknown kind {(byte)kind}"),
        };
        return rest.IsEmpty ? new WriteCommand(session, sequence, operation) : throw new FormatException($"{rest.Length} bytes after a command");
    }

    private static void WriteHeader(ArrayBufferWriter<byte> writer, Kind kind, WriteCommand command)
    {
        WriteByte(writer, Version);
        WriteByte(writer, (byte)kind);
        BinaryPrimitives.WriteUInt64LittleEndian(writer.GetSpan(16), command.Session.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(writer.GetSpan(16)[8..], command.Sequence.Value);
        writer.Advance(16);
        WriteBytes(writer, command.Operation.Key);
    }

    private static void WriteByte(ArrayBufferWriter<byte> writer, byte value)
    {
        writer.GetSpan(1)[0] = value;
        writer.Advance(1);
    }

    private static void WriteBytes(ArrayBufferWriter<byte> writer, ReadOnlyMemory<byte>? bytes)
    {
        BinaryPrimitives.WriteInt32LittleEndian(writer.GetSpan(4), bytes?.Length ?? -1);
        writer.Advance(4);
        if (bytes is { } present)
        {
            writer.Write(present.Span);
        }
    }

    private static byte ReadByte(ref ReadOnlyMemory<byte> rest) => Take(ref rest, 1).Span[0];

    private static ulong ReadUInt64(ref ReadOnlyMemory<byte> rest) => BinaryPrimitives.ReadUInt64LittleEndian(Take(ref rest, 8).Span);

    private static ReadOnlyMemory<byte>? ReadBytes(ref ReadOnlyMemory<byte> rest)
    {
        var length = BinaryPrimitives.ReadInt32LittleEndian(Take(ref rest, 4).Span);
        
        // A bare null would become an empty memory here, by way of byte[].
        return length == -1 ? (ReadOnlyMemory<byte>?)null : Take(ref rest, length);
    }

    private static ReadOnlyMemory<byte> Take(ref ReadOnlyMemory<byte> rest, int length)
    {
        if (length < 0 || length > rest.Length)
        {
            throw new FormatException("a command is cut short");
        }

        var taken = rest[..length];
        rest = rest[length..];
        return taken;
    }
}
