using System.IO.Hashing;
using MultiDc.Server.Replication;

namespace MultiDc.Simulation;

/// <summary>Raft messages of one replica for one other. Encoded by the sender; decoded once, however often it arrives.</summary>
internal sealed class RaftFrame(SimulatedReplica from, SimulatedReplica to, ReplicaFrame frame) : Parcel
{
    private List<RaftMessage>? messages;

    public SimulatedReplica From => from;

    public ReplicaFrame Frame => frame;

    public IReadOnlyList<RaftMessage> Messages => messages ??= FrameMessages.Decode(frame.Messages);

    public override ulong Fingerprint { get; } = XxHash3.HashToUInt64(frame.Messages.Span, (long)frame.Epoch);

    public override void Arrive() => to.Receiver?.Deliver(this);

    public override string Describe() => $"[{frame.Epoch}] {string.Join("; ", Messages.Select(MessageText.Of))}";
}

/// <summary>A part of a snapshot on its way.</summary>
internal sealed class ChunkParcel(ReplicaProcess sender, SimulatedReplica to, SnapshotChunk chunk, TaskCompletionSource<SnapshotChunkReply> answer) : Parcel
{
    public SimulatedReplica From => sender.Replica;

    public ReplicaProcess Sender => sender;

    public SnapshotChunk Chunk => chunk;

    public override ulong Fingerprint { get; } = XxHash3.HashToUInt64(chunk.Frame.Messages.Span, chunk.Number + (1000L * chunk.Rows.Count));

    public override void Arrive() => to.Receiver?.Deliver(this);

    public void Answer(SnapshotChunkReply reply)
    {
        if (!sender.IsEnded)
        {
            answer.TrySetResult(reply);
        }
    }

    public override string Describe() =>
        $"[{chunk.Frame.Epoch}] chunk {chunk.Number}{(chunk.IsLast ? " (last)" : "")} of {chunk.Rows.Count} rows of {MessageText.Of(FrameMessages.Decode(chunk.Frame.Messages).Single())}";
}

/// <summary>The receiver's word on a chunk.</summary>
internal sealed class ChunkReplyParcel(ChunkParcel of, SnapshotChunkReply reply) : Parcel
{
    public override ulong Fingerprint => (2 * (ulong)of.Chunk.Number) + (reply.Accepted ? 1UL : 0);

    public override void Arrive() => of.Answer(reply);

    public override string Describe() => $"chunk {of.Chunk.Number} {(reply.Accepted ? "taken" : "refused")}";
}
