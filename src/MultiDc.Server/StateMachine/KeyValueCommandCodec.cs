using System.Buffers;
using System.Buffers.Binary;
using MultiDc.Grains;

namespace MultiDc.Server.StateMachine;

/// <summary>
/// The bytes of a command in the log, pinned by golden files. Version 1: version (1), kind, then for writes: session (8, little-endian), sequence (8),
/// key length (4), key, and what the kind adds: a value with its length (4), and for compare-and-set the expected value with its length,
/// where -1 means absent. Version 2, for what version 1 cannot say, has the guard between sequence and key: name with its length, -1 for none, and if
/// there is one the token (8); the expiry of leases is no write and has only their count (4), and for each its id (8) and the index of its last renewal (8). Version 1 is written wherever it suffices, so that earlier versions read it.
/// </summary>
internal static partial class KeyValueCommandCodec
{
    private const byte FirstVersion = 1;
    private const byte LatestVersion = 2;

    // Enough for some dozens. One that is accepted keeps those in memory that came with it and were refused.
    private const int MaxBytesTogether = 16 * 1024;

    private enum Kind : byte
    {
        OpenSession = 1,
        Put = 2,
        Delete = 3,
        CompareAndSet = 4,

        // From version 2 on.
        Add = 5,
        Append = 6,
        Max = 7,
        Batch = 8,

        // Only within a batch.
        Get = 9,
        ForgetGuard = 10,
        PutWithLease = 11,
        GrantLease = 12,
        KeepAlive = 13,
        RevokeLease = 14,

        // Only within a batch.
        Fence = 15,

        // No write of a session.
        ExpireLeases = 16,
    }

    public static ReadOnlyMemory<byte> Encode(KeyValueCommand command)
    {
        // As long as it will be: the log keeps it, and one that grows is copied again and again.
        var writer = new ArrayBufferWriter<byte>(LengthOf(command));
        Write(writer, command);
        return writer.WrittenMemory;
    }

    /// <summary>Encodes commands that come together side by side in few arrays, because the log keeps them for so long that the garbage collector would move each by itself.</summary>
    public static ReadOnlyMemory<byte>[] Encode(IReadOnlyList<KeyValueCommand> commands)
    {
        var encoded = new ReadOnlyMemory<byte>[commands.Count];
        for (var first = 0; first < commands.Count;)
        {
            var (after, bytes) = (first + 1, LengthOf(commands[first]));
            while (after < commands.Count && LengthOf(commands[after]) is var more && bytes + more <= MaxBytesTogether)
            {
                bytes += more;
                after++;
            }

            var writer = new ArrayBufferWriter<byte>(bytes);
            for (; first < after; first++)
            {
                var from = writer.WrittenCount;
                Write(writer, commands[first]);
                encoded[first] = writer.WrittenMemory[from..];
            }
        }

        return encoded;
    }

    private static void Write(ArrayBufferWriter<byte> writer, KeyValueCommand command)
    {
        if (command is ExpireLeasesCommand expire)
        {
            WriteExpiry(writer, expire);
            return;
        }

        if (command is not WriteCommand write)
        {
            writer.WriteByte(FirstVersion);
            writer.WriteByte((byte)Kind.OpenSession);
            return;
        }

        var kind = KindOf(write.Operation);
        var version = kind > Kind.CompareAndSet || write.Operation.Guard is not null ? LatestVersion : FirstVersion;
        writer.WriteByte(version);
        writer.WriteByte((byte)kind);
        writer.WriteUInt64(write.Session.Value);
        writer.WriteUInt64(write.Sequence.Value);
        if (version > FirstVersion)
        {
            WriteGuard(writer, write.Operation.Guard);
        }

        WriteOperation(writer, write.Operation);
    }

    /// <summary>Reads a command; the parts share the payload's memory.</summary>
    /// <exception cref="FormatException">The bytes are no command of a version this one knows.</exception>
    public static KeyValueCommand Decode(ReadOnlyMemory<byte> payload)
    {
        var rest = payload;
        var version = FieldBytes.ReadByte(ref rest);
        if (version is not (FirstVersion or LatestVersion))
        {
            throw new FormatException($"a command of version {version}; this one reads {FirstVersion} and {LatestVersion}");
        }

        var kind = (Kind)FieldBytes.ReadByte(ref rest);
        if (kind == Kind.OpenSession && version == FirstVersion)
        {
            return OpenSessionCommand.Instance;
        }

        if (kind == Kind.ExpireLeases && version > FirstVersion)
        {
            return ReadExpiry(ref rest);
        }

        if (kind is Kind.Get or Kind.Fence || (version == FirstVersion && kind > Kind.CompareAndSet))
        {
            throw new FormatException($"a command of version {version} and kind {(byte)kind}");
        }

        var session = new SessionId(FieldBytes.ReadUInt64(ref rest));
        var sequence = new SessionSequence(FieldBytes.ReadUInt64(ref rest));
        var guard = version > FirstVersion ? ReadGuard(ref rest) : null;
        var operation = ReadOperation(kind, ref rest);
        return rest.IsEmpty
            ? new WriteCommand(session, sequence, guard is null ? operation : operation with { Guard = guard })
            : throw new FormatException($"{rest.Length} bytes after a command");
    }
}
