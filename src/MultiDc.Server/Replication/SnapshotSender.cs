using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>Streams a view of the state to a follower, chunk by chunk, each acknowledged, while the pump goes on.</summary>
internal sealed class SnapshotSender(IRaftTransport transport, ReplicaSender sender, ReplicaPumpOptions options)
{
    /// <summary>Sends the whole view.</summary>
    /// <returns>Whether the follower took all of it.</returns>
    public async Task<bool> SendAsync(SnapshotRequest request, IReplicaStateView view, CancellationToken stopping)
    {
        var frame = new ReplicaFrame(sender.Address.Shard, sender.Address.Datacenter, sender.StoreId, sender.Epoch.Value, FrameMessages.Encode([request]));
        var rows = new List<SnapshotRow>();
        var bytes = 0;
        var number = 0;
        await foreach (var row in view.ScanAsync(ReadOnlyMemory<byte>.Empty, null, stopping))
        {
            rows.Add(new(row.Key, row.Value));
            bytes += row.Key.Length + row.Value.Length;
            if (bytes < options.SnapshotChunkBytes)
            {
                continue;
            }

            if (!await SendAsync(isLast: false))
            {
                return false;
            }

            rows = [];
            bytes = 0;
        }

        return await SendAsync(isLast: true);

        async Task<bool> SendAsync(bool isLast)
        {
            stopping.ThrowIfCancellationRequested();
            var reply = await transport.SendChunkAsync(sender, request.To, new(frame, number++, isLast, rows), options.SnapshotChunkTimeout).WaitAsync(stopping);
            return reply.Accepted;
        }
    }
}
