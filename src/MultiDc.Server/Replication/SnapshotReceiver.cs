using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>
/// Puts the chunks of one snapshot together, in order (dissertation §5). Chunks may be lost, doubled, late, and of streams that are over: a
/// chunk counts only for the very snapshot that is being put together, and only a newer snapshot begins another.
/// </summary>
internal sealed class SnapshotReceiver(IReplicaState state)
{
    private SnapshotRequest? underWay;
    private SnapshotRequest? completed;
    private IStagedSnapshot? staged;
    private int nextNumber;

    /// <summary>Takes a chunk.</summary>
    /// <returns>The answer to its sender, and the staged snapshot when this was the last chunk.</returns>
    public async ValueTask<(SnapshotChunkReply Reply, IStagedSnapshot? Complete)> TakeAsync(SnapshotRequest of, SnapshotChunk chunk)
    {
        if (of == completed)
        {
            // The answer to its last chunk was lost.
            return (new(true, chunk.Number + 1), null);
        }

        if (of != underWay)
        {
            if (chunk.Number != 0 || !IsNewer(of))
            {
                return (new(false), null);
            }

            staged = await state.StageAsync(of.Snapshot);
            (underWay, completed, nextNumber) = (of, null, 0);
        }

        if (chunk.Number != nextNumber)
        {
            return (new(chunk.Number < nextNumber, nextNumber), null);
        }

        await staged!.AddAsync([.. chunk.Rows.Select(static row => row.ToStateRow())]);
        nextNumber++;
        if (!chunk.IsLast)
        {
            return (new(true, nextNumber), null);
        }

        var complete = staged;
        (staged, underWay, completed) = (null, null, of);
        return (new(true, nextNumber), complete);
    }

    // A leader's later snapshots include more, and a later leader's count more than any earlier one's.
    private bool IsNewer(SnapshotRequest of) =>
        underWay is null || of.Term > underWay.Term || (of.Term == underWay.Term && of.Snapshot.LastIncluded.Index > underWay.Snapshot.LastIncluded.Index);
}
