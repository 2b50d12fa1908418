using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>Puts the chunks of one snapshot together, in order; a chunk of another snapshot, or out of order, ends it.</summary>
internal sealed class SnapshotReceiver(IReplicaState state)
{
    private SnapshotRequest? request;
    private IStagedSnapshot? staged;
    private int nextNumber;

    /// <summary>Takes a chunk.</summary>
    /// <returns>Whether it was taken, and the staged snapshot when it was the last.</returns>
    public async ValueTask<(bool Taken, IStagedSnapshot? Complete)> TakeAsync(SnapshotRequest of, SnapshotChunk chunk)
    {
        if (chunk.Number == 0)
        {
            staged = await state.StageAsync(of.Snapshot);
            request = of;
            nextNumber = 0;
        }

        if (staged is not null && chunk.Number < nextNumber && of == request)
        {
            // A copy of one that was taken.
            return (true, null);
        }

        if (staged is null || chunk.Number != nextNumber || of.From != request!.From || of.Term != request.Term || of.Snapshot.LastIncluded != request.Snapshot.LastIncluded)
        {
            staged = null;
            return (false, null);
        }

        await staged.AddAsync([.. chunk.Rows.Select(static row => row.ToStateRow())]);
        nextNumber++;
        if (!chunk.IsLast)
        {
            return (true, null);
        }

        var complete = staged;
        staged = null;
        return (true, complete);
    }
}
