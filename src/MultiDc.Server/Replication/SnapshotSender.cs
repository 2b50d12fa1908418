using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>
/// Streams a view of the state to a follower, chunk by chunk, each acknowledged, while the pump goes on. A chunk that brings no answer is
/// sent again, so a stream outlives a broken link; it ends when the follower no longer waits for its next chunk.
/// </summary>
internal sealed class SnapshotSender(IRaftTransport transport, ReplicaSender sender, ReplicaPumpOptions options, ReplicaMetrics metrics)
{
    /// <summary>Sends the whole view.</summary>
    /// <returns>Whether the follower took all of it.</returns>
    /// <exception cref="TimeoutException">A chunk was sent <see cref="ReplicaPumpOptions.SnapshotChunkAttempts"/> times and never answered.</exception>
    public async Task<bool> SendAsync(SnapshotRequest request, IReplicaStateView view, CancellationToken stopping)
    {
        var frame = sender.Frame(request.To, [request]);
        var number = 0;
        await foreach (var (rows, isLast) in ChunksAsync(view, stopping))
        {
            if (!await SendAsync(request.To, new(frame, number++, isLast, rows), stopping))
            {
                return false;
            }
        }

        return true;
    }

    private async Task<bool> SendAsync(ReplicaId to, SnapshotChunk chunk, CancellationToken stopping)
    {
        for (var attempt = 1; ; attempt++)
        {
            stopping.ThrowIfCancellationRequested();
            try
            {
                var reply = await transport.SendChunkAsync(sender, to, chunk, options.SnapshotChunkTimeout).WaitAsync(stopping);
                return reply.Accepted;
            }
            catch (TimeoutException) when (attempt < options.SnapshotChunkAttempts)
            {
                metrics.SnapshotChunksResent.Add(1);
            }
        }
    }

    private async IAsyncEnumerable<(IReadOnlyList<SnapshotRow> Rows, bool IsLast)> ChunksAsync(
        IReplicaStateView view, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stopping)
    {
        var rows = new List<SnapshotRow>();
        var bytes = 0;
        await foreach (var row in view.ScanAsync(ReadOnlyMemory<byte>.Empty, null, stopping))
        {
            rows.Add(new(row.Key, row.Value));
            bytes += row.Key.Length + row.Value.Length;
            if (bytes >= options.SnapshotChunkBytes)
            {
                yield return (rows, false);
                rows = [];
                bytes = 0;
            }
        }

        yield return (rows, true);
    }
}
