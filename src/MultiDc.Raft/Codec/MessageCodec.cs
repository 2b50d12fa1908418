using System.Buffers;
using System.Collections.Immutable;
using System.Diagnostics;

namespace MultiDc.Raft;

/// <summary>
/// The bytes of a message between replicas: a version byte, a type byte, then sender, receiver, term and the message's own fields in the
/// order of its record. Numbers are shortest-form unsigned LEB128, booleans one byte; entries and snapshot metadata come in their own
/// formats with their checksums. Version 2 adds the promise of a <see cref="HeartbeatResponse"/>, and the messages of quiescence. A message
/// is written in the lowest version that can say it, and in no other, so that it has one encoding, and replicas that know only version 1
/// understand all that version 1 can say.
/// </summary>
public static class MessageCodec
{
    /// <summary>The greatest first byte of an encoded message.</summary>
    public const byte FormatVersion = 2;

    /// <summary>On the wire: a number once given is never given again.</summary>
    private enum MessageType : byte
    {
        PreVoteRequest = 1,
        PreVoteResponse = 2,
        VoteRequest = 3,
        VoteResponse = 4,
        AppendRequest = 5,
        AppendAccepted = 6,
        AppendRejected = 7,
        HeartbeatRequest = 8,
        HeartbeatResponse = 9,
        SnapshotRequest = 10,
        TimeoutNowRequest = 11,
        QuiesceRequest = 12,
        QuiesceResponse = 13,
        WakeRequest = 14,
    }

    /// <summary>Writes the message.</summary>
    public static void Encode(RaftMessage message, IBufferWriter<byte> output)
    {
        output.WriteByte(VersionOf(message));
        output.WriteByte((byte)TypeOf(message));
        output.WriteVarint(message.From.Value);
        output.WriteVarint(message.To.Value);
        output.WriteVarint(message.Term.Value);
        switch (message)
        {
            case PreVoteRequest request:
                Write(output, request.LastEntry);
                break;
            case PreVoteResponse response:
                Write(output, response.Granted);
                break;
            case VoteRequest request:
                Write(output, request.LastEntry);
                Write(output, request.LeadershipTransfer);
                break;
            case VoteResponse response:
                Write(output, response.Granted);
                break;
            case AppendRequest request:
                Write(output, request.Previous);
                output.WriteVarint((ulong)request.Entries.Length);
                foreach (var entry in request.Entries)
                {
                    EntryCodec.Encode(entry, output);
                }

                output.WriteVarint(request.Commit.Value);
                break;
            case AppendAccepted response:
                output.WriteVarint(response.Match.Value);
                break;
            case AppendRejected response:
                output.WriteVarint(response.RejectedPrevious.Value);
                Write(output, response.Hint);
                break;
            case HeartbeatRequest request:
                output.WriteVarint(request.Commit.Value);
                output.WriteVarint(request.Round);
                break;
            case HeartbeatResponse response:
                output.WriteVarint(response.Round);
                if (response.Promise != LeasePromise.None)
                {
                    output.WriteVarint((ulong)response.Promise.Clock.Nanoseconds);
                    output.WriteVarint((ulong)response.Promise.HeldNanoseconds);
                }

                break;
            case SnapshotRequest request:
                SnapshotMetadataCodec.Encode(request.Snapshot, output);
                break;
            case QuiesceRequest request:
                Write(output, request.Last);
                output.WriteVarint(request.Round);
                break;
            case QuiesceResponse response:
                output.WriteVarint(response.Round);
                break;
            case TimeoutNowRequest or WakeRequest:
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>Reads the one message that <paramref name="input"/> is. Payloads of entries are slices of the input, not copies.</summary>
    /// <exception cref="CodecException">The bytes are not exactly one message.</exception>
    public static RaftMessage Decode(ReadOnlyMemory<byte> input)
    {
        var reader = new CodecReader(input);
        var version = reader.Byte();
        if (version is < 1 or > FormatVersion)
        {
            throw new CodecException($"a message: format version {version} is unknown, this program knows 1 to {FormatVersion}");
        }

        var type = (MessageType)reader.Byte();
        var from = new ReplicaId(reader.Varint());
        var to = new ReplicaId(reader.Varint());
        var term = new Term(reader.Varint());
        RaftMessage message = type switch
        {
            MessageType.PreVoteRequest => new PreVoteRequest(from, to, term, ReadEntryId(ref reader)),
            MessageType.PreVoteResponse => new PreVoteResponse(from, to, term, reader.Boolean()),
            MessageType.VoteRequest => new VoteRequest(from, to, term, ReadEntryId(ref reader), reader.Boolean()),
            MessageType.VoteResponse => new VoteResponse(from, to, term, reader.Boolean()),
            MessageType.AppendRequest => ReadAppendRequest(ref reader, from, to, term),
            MessageType.AppendAccepted => new AppendAccepted(from, to, term, ReadIndex(ref reader)),
            MessageType.AppendRejected => new AppendRejected(from, to, term, ReadIndex(ref reader), ReadEntryId(ref reader)),
            MessageType.HeartbeatRequest => new HeartbeatRequest(from, to, term, ReadIndex(ref reader), reader.Varint()),
            MessageType.HeartbeatResponse => new HeartbeatResponse(from, to, term, reader.Varint(), version == 1 ? default : ReadPromise(ref reader)),
            MessageType.SnapshotRequest => new SnapshotRequest(from, to, term, SnapshotMetadataCodec.Read(ref reader)),
            MessageType.TimeoutNowRequest => new TimeoutNowRequest(from, to, term),
            MessageType.QuiesceRequest => new QuiesceRequest(from, to, term, ReadEntryId(ref reader), reader.Varint()),
            MessageType.QuiesceResponse => new QuiesceResponse(from, to, term, reader.Varint()),
            MessageType.WakeRequest => new WakeRequest(from, to, term),
            _ => throw new CodecException($"a message of unknown type {(byte)type}"),
        };
        reader.End("a message");
        return VersionOf(message) == version ? message : throw new CodecException($"a {type} in format version {version}, which it does not need");
    }

    private static byte VersionOf(RaftMessage message) => message switch
    {
        HeartbeatResponse response when response.Promise != LeasePromise.None => 2,
        QuiesceRequest or QuiesceResponse or WakeRequest => 2,
        _ => 1,
    };

    private static AppendRequest ReadAppendRequest(ref CodecReader reader, ReplicaId from, ReplicaId to, Term term)
    {
        var previous = ReadEntryId(ref reader);
        var count = reader.Varint();
        if (count > (ulong)reader.Remaining / EntryCodec.HeaderBytes)
        {
            throw new CodecException($"an append of {count} entries in {reader.Remaining} bytes");
        }

        var entries = ImmutableArray.CreateBuilder<LogEntry>((int)count);
        var last = previous;
        for (var i = 0UL; i < count; i++)
        {
            var entry = EntryCodec.Read(ref reader);
            if (entry.Index.Value - last.Index.Value != 1 || entry.Term < last.Term || entry.Term > term)
            {
                throw new CodecException($"an append in term {term} in which {entry.Id} follows {last}");
            }

            entries.Add(entry);
            last = entry.Id;
        }

        return new AppendRequest(from, to, term, previous, entries.MoveToImmutable(), ReadIndex(ref reader));
    }

    private static MessageType TypeOf(RaftMessage message) => message switch
    {
        PreVoteRequest => MessageType.PreVoteRequest,
        PreVoteResponse => MessageType.PreVoteResponse,
        VoteRequest => MessageType.VoteRequest,
        VoteResponse => MessageType.VoteResponse,
        AppendRequest => MessageType.AppendRequest,
        AppendAccepted => MessageType.AppendAccepted,
        AppendRejected => MessageType.AppendRejected,
        HeartbeatRequest => MessageType.HeartbeatRequest,
        HeartbeatResponse => MessageType.HeartbeatResponse,
        SnapshotRequest => MessageType.SnapshotRequest,
        TimeoutNowRequest => MessageType.TimeoutNowRequest,
        QuiesceRequest => MessageType.QuiesceRequest,
        QuiesceResponse => MessageType.QuiesceResponse,
        WakeRequest => MessageType.WakeRequest,
        _ => throw new UnreachableException(),
    };

    private static void Write(IBufferWriter<byte> output, bool value) => output.WriteByte(value ? (byte)1 : (byte)0);

    private static void Write(IBufferWriter<byte> output, EntryId id)
    {
        output.WriteVarint(id.Term.Value);
        output.WriteVarint(id.Index.Value);
    }

    private static EntryId ReadEntryId(ref CodecReader reader) => new(new Term(reader.Varint()), ReadIndex(ref reader));

    private static LeasePromise ReadPromise(ref CodecReader reader) => new(new MonotonicTime(ReadNanoseconds(ref reader)), ReadNanoseconds(ref reader));

    private static long ReadNanoseconds(ref CodecReader reader)
    {
        var nanoseconds = reader.Varint();
        return nanoseconds <= long.MaxValue ? (long)nanoseconds : throw new CodecException($"{nanoseconds} ns exceed 63 bits");
    }

    private static LogIndex ReadIndex(ref CodecReader reader) => new(reader.Varint());
}
