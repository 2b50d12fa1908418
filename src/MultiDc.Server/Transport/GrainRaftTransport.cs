using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using MultiDc.Routing.Links;
using MultiDc.Server.Trust;

namespace MultiDc.Server.Transport;

/// <summary>Sends Raft messages in parcels, one outbox per datacenter, and snapshot chunks one by one, as grain calls over the datacenter links.</summary>
internal sealed class GrainRaftTransport : IRaftTransport, IDisposable
{
    private readonly IDatacenterLinks links;
    private readonly SiloGate gate;
    private readonly TimeProvider time;
    private readonly FrozenDictionary<ReplicaId, DatacenterId> datacenters;
    private readonly FrozenDictionary<DatacenterId, DatacenterOutbox> outboxes;

    public GrainRaftTransport(
        IDatacenterLinks links, SiloGate gate, OutboxOptions options, TaskScheduler scheduler, TimeProvider time, ReplicaMetrics metrics, ILogger<GrainRaftTransport> logger)
    {
        this.links = links;
        this.gate = gate;
        this.time = time;
        datacenters = links.Datacenters.ToFrozenDictionary(GroupMembers.IdOf);

        // The own datacenter too: other silos of it may have further replicas of the same shards.
        outboxes = links.Datacenters.Where(datacenter => datacenter != links.Local || links.TryGetLink(datacenter, out _)).ToFrozenDictionary(
            static datacenter => datacenter, datacenter => new DatacenterOutbox(LinkTo(datacenter), gate.Own, options, scheduler, time, metrics, logger));
    }

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

            if (first && TryFind(sender, to, out var datacenter) && outboxes.TryGetValue(datacenter, out var outbox))
            {
                outbox.Add(sender.Frame(to, messages));
            }
        }
    }

    public async Task<SnapshotChunkReply> SendChunkAsync(ReplicaSender sender, ReplicaId to, SnapshotChunk chunk, TimeSpan timeout)
    {
        try
        {
            return TryGetPeer(sender, to, out var peer)
                ? await peer.DeliverChunkAsync(chunk, gate.Own).WaitAsync(timeout, time)
                : new SnapshotChunkReply(false);
        }
        catch (Exception exception) when (exception is not TimeoutException)
        {
            // A broken connection fails at once and may be back soon. The stream must outlive it like silence, and not try again in haste.
            await Task.Delay(timeout, time);
            throw new TimeoutException($"the chunk was not delivered: {exception.Message}", exception);
        }
    }

    public void Dispose()
    {
        foreach (var outbox in outboxes.Values)
        {
            outbox.Dispose();
        }
    }

    private IDatacenterLink LinkTo(DatacenterId datacenter) =>
        links.TryGetLink(datacenter, out var link) ? link : throw new ArgumentException($"there is no link to datacenter {datacenter}");

    private bool TryGetPeer(ReplicaSender sender, ReplicaId to, [NotNullWhen(true)] out IReplicaPeerGrain? peer)
    {
        peer = null;
        return TryFind(sender, to, out var datacenter)
            && links.TryGetLink(datacenter, out var link)
            && link.TryGetGrain(new ReplicaAddress(sender.Address.Shard, datacenter, GroupMembers.OrdinalOf(to)).ToString(), out peer);
    }

    private bool TryFind(ReplicaSender sender, ReplicaId to, out DatacenterId datacenter)
    {
        if (!datacenters.TryGetValue(to, out datacenter) && sender.Members?.DatacenterOf(to) is { } learned)
        {
            datacenter = learned;
        }

        return datacenter.Value is not null;
    }
}
