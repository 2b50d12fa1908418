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
        var kept = messages.Where(message => !Loses(sender, message.To)).ToArray();
        if (kept.Length > 0)
        {
            inner.Send(sender, kept);
        }
    }

    public Task<SnapshotChunkReply> SendChunkAsync(ReplicaSender sender, ReplicaId to, SnapshotChunk chunk, TimeSpan timeout) =>
        Loses(sender, to) ? Task.FromResult(new SnapshotChunkReply(false)) : inner.SendChunkAsync(sender, to, chunk, timeout);

    private bool Loses(ReplicaSender sender, ReplicaId to) =>
        (datacenters.TryGetValue(to, out var founded) ? founded : sender.Members?.DatacenterOf(to)) is { } datacenter && faults.Loses(sender.Address, new(datacenter, GroupMembers.OrdinalOf(to)));
}
