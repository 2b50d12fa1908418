using System.Buffers;
using System.Buffers.Binary;

namespace MultiDc.Server.Replication;

/// <summary>
/// Raft messages of one replica for one other, with what the receiver needs to tell friend from stranger: group, sender, store, opening (the
/// terms are in the messages). Nothing assumes that frames arrive, or in order.
/// </summary>
/// <param name="Shard">The group.</param>
/// <param name="From">The sender's datacenter.</param>
/// <param name="StoreId">The sender's store.</param>
/// <param name="Epoch">The sender's opening of its store.</param>
/// <param name="OpeningId">That opening's random name.</param>
/// <param name="Messages">Encoded messages, see <see cref="FrameMessages"/>.</param>
[GenerateSerializer, Immutable, SuppressReferenceTracking, Alias("MultiDc.ReplicaFrame")]
internal sealed record ReplicaFrame(
    [property: Id(0)] ShardId Shard, [property: Id(1)] DatacenterId From, [property: Id(2)] Guid StoreId, [property: Id(3)] ulong Epoch,
    [property: Id(5)] Guid OpeningId, [property: Id(4)] FrameBytes Messages)
{
    /// <summary>The sender's Raft id; 0: the founder's of the datacenter's first replica.</summary>
    [Id(6)]
    public ulong Member { get; init; }

    /// <summary>Which of the receiving datacenter's replicas it is for; 0: the first.</summary>
    [Id(7)]
    public int ToOrdinal { get; init; }

    /// <summary>Who says it speaks.</summary>
    public GroupMember Sender => GroupMember.Of(Shard, From, Member);

    /// <summary>The replica of a datacenter that it is for.</summary>
    public ReplicaAddress ReceiverIn(DatacenterId datacenter) => new(Shard, datacenter, Math.Max(1, ToOrdinal));
}

/// <summary>The messages of a frame: version (1), then each message with its length (4, little-endian) in front.</summary>
internal static class FrameMessages
{
    private const byte Version = 1;

    // Of all messages but one with many members' configurations, which makes the writer grow.
    private const int MaxBytesWithoutEntries = 64;

    /// <summary>All of the messages, or those for one replica.</summary>
    public static ReadOnlyMemory<byte> Encode(IReadOnlyList<RaftMessage> messages, ReplicaId? to = null)
    {
        // Large enough from the beginning: arrays that grow by doubling are copied again and again, and end among the large objects.
        var capacity = 1;
        for (var i = 0; i < messages.Count; i++)
        {
            capacity += IsFor(to, messages[i]) ? MaxBytesWithoutEntries + EntryBytesOf(messages[i]) : 0;
        }

        var writer = new FrameWriter(capacity);
        writer.Write([Version]);
        for (var i = 0; i < messages.Count; i++)
        {
            if (IsFor(to, messages[i]))
            {
                var lengthAt = writer.Reserve(4);
                MessageCodec.Encode(messages[i], writer);
                BinaryPrimitives.WriteInt32LittleEndian(writer.From(lengthAt), writer.Written - lengthAt - 4);
            }
        }

        return writer.WrittenMemory;
    }

    /// <exception cref="CodecException">The bytes are not such messages.</exception>
    public static List<RaftMessage> Decode(ReadOnlyMemory<byte> frame)
    {
        if (frame.IsEmpty || frame.Span[0] != Version)
        {
            throw new CodecException($"a frame of version {(frame.IsEmpty ? 0 : frame.Span[0])}; this one reads {Version}");
        }

        var messages = new List<RaftMessage>(1);
        var rest = frame[1..];
        while (!rest.IsEmpty)
        {
            var length = rest.Length >= 4 ? BinaryPrimitives.ReadInt32LittleEndian(rest.Span) : -1;
            if (length < 0 || length > rest.Length - 4)
            {
                throw new CodecException("a frame is cut short");
            }

            messages.Add(MessageCodec.Decode(rest.Slice(4, length)));
            rest = rest[(4 + length)..];
        }

        return messages;
    }

    private static bool IsFor(ReplicaId? to, RaftMessage message) => to is not { } one || message.To == one;

    private static int EntryBytesOf(RaftMessage message)
    {
        var bytes = 0;
        if (message is AppendRequest append)
        {
            foreach (var entry in append.Entries)
            {
                bytes += EntryCodec.EncodedLength(entry);
            }
        }

        return bytes;
    }

    /// <summary>Bytes in one array, into which lengths can be written when they are known.</summary>
    private sealed class FrameWriter(int capacity) : IBufferWriter<byte>
    {
        private byte[] buffer = new byte[capacity];

        public int Written { get; private set; }

        public ReadOnlyMemory<byte> WrittenMemory => buffer.AsMemory(0, Written);

        /// <summary>Leaves room to be filled later; tells where.</summary>
        public int Reserve(int count)
        {
            var at = Written;
            GetSpan(count);
            Advance(count);
            return at;
        }

        public Span<byte> From(int at) => buffer.AsSpan(at);

        public void Advance(int count) => Written += count;

        public Memory<byte> GetMemory(int sizeHint = 0)
        {
            var needed = Written + Math.Max(1, sizeHint);
            if (needed > buffer.Length)
            {
                Array.Resize(ref buffer, Math.Max(needed, buffer.Length * 2));
            }

            return buffer.AsMemory(Written);
        }

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
    }
}
