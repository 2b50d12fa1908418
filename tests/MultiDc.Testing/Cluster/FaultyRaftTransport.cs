using MultiDc.Raft;
using MultiDc.Routing.Links;
using MultiDc.Server.Replication;

namespace MultiDc.Testing.Cluster;

/// <summary>Loses messages as the rules say, before they reach the transport under test.</summary>
internal sealed class FaultyRaftTransport(IRaftTransport inner, RaftFaults faults, IDatacenterLinks links) : IRaftTransport
{
    private readonly Dictionary<ReplicaId, DatacenterId> datacenters = links.Datacenters.ToDictionary(GroupMembers.IdOf);

    public void Send(ReplicaSender sender, IReadOnlyList<RaftMessage> messages)
    {
        var kept = messages.Where(message => !faults.Loses(sender.Address, datacenters[message.To])).ToArray();
        if (kept.Length > 0)
        {
            inner.Send(sender, kept);
        }
    }

    public Task<SnapshotChunkReply> SendChunkAsync(ReplicaSender sender, ReplicaId to, SnapshotChunk chunk, TimeSpan timeout) =>
        faults.Loses(sender.Address, datacenters[to]) ? Task.FromResult(new SnapshotChunkReply(false)) : inner.SendChunkAsync(sender, to, chunk, timeout);
}
