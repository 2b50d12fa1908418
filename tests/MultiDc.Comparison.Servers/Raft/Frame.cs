using System.Buffers;
using System.Buffers.Binary;

namespace MultiDc.Comparison.Servers.Raft;

/// <summary>What is asked of a node.</summary>
internal enum FrontRequest : byte
{
    /// <summary>Set a key; the body is an <see cref="EntryCommand"/>.</summary>
    Put = 1,

    /// <summary>Read a key, linearizably; the body is the key, the answer's the value.</summary>
    Get = 2,

    /// <summary>Do nothing.</summary>
    Ping = 3,

    /// <summary>Whether this node leads: <see cref="FrontReply.Done"/>, else <see cref="FrontReply.Rejected"/>.</summary>
    Leads = 4,

    /// <summary>What the node has used; the answer's body is a <see cref="NodeUse"/>.</summary>
    Use = 5,
}

/// <summary>How it ended.</summary>
internal enum FrontReply : byte
{
    /// <summary>Done.</summary>
    Done = 1,

    /// <summary>There is no such key.</summary>
    Absent = 2,

    /// <summary>It did not happen.</summary>
    Rejected = 3,

    /// <summary>It may have happened.</summary>
    Unknown = 4,
}

/// <summary>
/// A request or an answer between the load generator and a node: the length of what follows (4 bytes, little endian), the call (4), what is asked or how it ended (1), and the
/// body. Many calls are under way on a connection; answers come in any order.
/// </summary>
/// <param name="Call">Given by the client, which gets it back.</param>
/// <param name="Code">A <see cref="FrontRequest"/> or a <see cref="FrontReply"/>.</param>
/// <param name="Body">The rest.</param>
internal readonly record struct Frame(int Call, byte Code, ReadOnlyMemory<byte> Body)
{
    /// <summary>Of the body: more than any benchmark sends, so that what is no frame is noticed.</summary>
    public const int MaxBodyBytes = 16 * 1024 * 1024;

    private const int LengthBytes = sizeof(int);
    private const int HeadBytes = sizeof(int) + sizeof(byte);

    public void WriteTo(IBufferWriter<byte> output)
    {
        var span = output.GetSpan(LengthBytes + HeadBytes + Body.Length);
        BinaryPrimitives.WriteInt32LittleEndian(span, HeadBytes + Body.Length);
        BinaryPrimitives.WriteInt32LittleEndian(span[LengthBytes..], Call);
        span[LengthBytes + sizeof(int)] = Code;
        Body.Span.CopyTo(span[(LengthBytes + HeadBytes)..]);
        output.Advance(LengthBytes + HeadBytes + Body.Length);
    }

    /// <summary>Takes the next frame, if all of it is there; its body is a copy.</summary>
    /// <exception cref="InvalidDataException">What comes is no frame.</exception>
    public static bool TryTake(ref ReadOnlySequence<byte> input, out Frame frame)
    {
        var reader = new SequenceReader<byte>(input);
        frame = default;
        if (!reader.TryReadLittleEndian(out int length))
        {
            return false;
        }

        if (length is < HeadBytes or > HeadBytes + MaxBodyBytes)
        {
            throw new InvalidDataException($"a frame of {length} bytes");
        }

        if (reader.Remaining < length)
        {
            return false;
        }

        reader.TryReadLittleEndian(out int call);
        reader.TryRead(out var code);
        reader.TryReadExact(length - HeadBytes, out var body);
        frame = new(call, code, body.ToArray());
        input = input.Slice(reader.Position);
        return true;
    }
}
