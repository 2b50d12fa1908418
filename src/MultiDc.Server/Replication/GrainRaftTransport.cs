using MultiDc.Routing.Links;

namespace MultiDc.Server.Replication;

/// <summary>Sends Raft messages as one-way grain calls over the datacenter links.</summary>
internal sealed partial class GrainRaftTransport(IDatacenterLinks links, TimeProvider time, ILogger<GrainRaftTransport> logger) : IRaftTransport
{
    private readonly Dictionary<ReplicaId, DatacenterId> datacenters = links.Datacenters.ToDictionary(GroupMembers.IdOf);

    public void Send(ReplicaSender sender, IReadOnlyList<RaftMessage> messages)
    {
        // Grouped by hand: this is the hot path, and a group has a handful of members.
        for (var i = 0; i < messages.Count; i++)
        {
            var to = messages[i].To;
            var first = true;
            for (var j = 0; j < i && first; j++)
            {
                first = messages[j].To != to;
            }

            if (first)
            {
                _ = SendAsync(sender.Address.Shard, to, sender.Frame(messages.Where(m => m.To == to)));
            }
        }
    }

    public async Task<SnapshotChunkReply> SendChunkAsync(ReplicaSender sender, ReplicaId to, SnapshotChunk chunk, TimeSpan timeout)
    {
        try
        {
            return TryGetPeer(sender.Address.Shard, to, out var peer)
                ? await peer.DeliverChunkAsync(chunk).WaitAsync(timeout, time)
                : new SnapshotChunkReply(false);
        }
        catch (Exception exception) when (exception is not TimeoutException)
        {
            // A broken connection fails at once and may be back soon. The stream must outlive it like silence, and not try again in haste.
            await Task.Delay(timeout, time);
            throw new TimeoutException($"the chunk was not delivered: {exception.Message}", exception);
        }
    }

    private bool TryGetPeer(ShardId shard, ReplicaId to, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out IReplicaPeerGrain? peer)
    {
        peer = null;
        return datacenters.TryGetValue(to, out var datacenter)
            && links.TryGetLink(datacenter, out var link)
            && link.TryGetGrain(new ReplicaAddress(shard, datacenter).ToString(), out peer);
    }

    // A one-way call can still fail at once, when no gateway of that datacenter is up, or while this silo stops and its links are disposed of
    // before its pumps. That is loss, which Raft makes good.
    private async Task SendAsync(ShardId shard, ReplicaId to, ReplicaFrame frame)
    {
        try
        {
            if (TryGetPeer(shard, to, out var peer))
            {
                await peer.DeliverAsync(frame);
            }
        }
        catch (Exception exception)
        {
            LogNotSent(logger, datacenters[to], exception.Message);
        }
    }

    [LoggerMessage(1020, LogLevel.Debug, "Raft messages for datacenter {Datacenter} could not be sent: {Reason}")]
    private static partial void LogNotSent(ILogger logger, DatacenterId datacenter, string reason);
}
