using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>A part of a snapshot on its way to a follower.</summary>
/// <param name="Frame">Who sends, and the <see cref="SnapshotRequest"/> that the whole snapshot amounts to, in every chunk.</param>
/// <param name="Number">From zero up. A receiver takes chunks in this order and answers which it waits for.</param>
/// <param name="IsLast">Whether the snapshot is complete with this chunk.</param>
/// <param name="Rows">State rows, keys ascending over all chunks.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.SnapshotChunk")]
internal sealed record SnapshotChunk(
    [property: Id(0)] ReplicaFrame Frame, [property: Id(1)] int Number, [property: Id(2)] bool IsLast, [property: Id(3)] IReadOnlyList<SnapshotRow> Rows);

/// <summary>A row of the state.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Value">Its value.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.SnapshotRow")]
internal readonly record struct SnapshotRow([property: Id(0)] ReadOnlyMemory<byte> Key, [property: Id(1)] ReadOnlyMemory<byte> Value)
{
    public StateRow ToStateRow() => new(Key, Value);
}

/// <summary>The receiver's answer.</summary>
/// <param name="Accepted">Whether the chunk is here, by this very call or by an earlier one.</param>
/// <param name="NextNumber">The chunk of this snapshot that the receiver waits for; -1 when it wants none of it.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.SnapshotChunkReply")]
internal sealed record SnapshotChunkReply([property: Id(0)] bool Accepted, [property: Id(1)] int NextNumber = -1);
