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

            if (first && TryGetPeer(sender.Address.Shard, to, out var peer))
            {
                Observe(peer.DeliverAsync(sender.Frame(messages.Where(m => m.To == to))), to);
            }
        }
    }

    public async Task<SnapshotChunkReply> SendChunkAsync(ReplicaSender sender, ReplicaId to, SnapshotChunk chunk, TimeSpan timeout) =>
        TryGetPeer(sender.Address.Shard, to, out var peer)
            ? await peer.DeliverChunkAsync(chunk).WaitAsync(timeout, time)
            : new SnapshotChunkReply(false);

    private bool TryGetPeer(ShardId shard, ReplicaId to, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out IReplicaPeerGrain? peer)
    {
        peer = null;
        return datacenters.TryGetValue(to, out var datacenter)
            && links.TryGetLink(datacenter, out var link)
            && link.TryGetGrain(new ReplicaAddress(shard, datacenter).ToString(), out peer);
    }

    // A one-way call can still fail at once, when no gateway of that datacenter is up. That is loss, which Raft makes good.
    private void Observe(Task sent, ReplicaId to)
    {
        if (!sent.IsCompletedSuccessfully)
        {
            _ = ObserveAsync(sent, to);
        }
    }

    private async Task ObserveAsync(Task sent, ReplicaId to)
    {
        try
        {
            await sent;
        }
        catch (Exception exception)
        {
            LogNotSent(logger, datacenters[to], exception.Message);
        }
    }

    [LoggerMessage(1020, LogLevel.Debug, "Raft messages for datacenter {Datacenter} could not be sent: {Reason}")]
    private static partial void LogNotSent(ILogger logger, DatacenterId datacenter, string reason);
}
