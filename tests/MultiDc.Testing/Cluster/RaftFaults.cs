using System.Collections.Concurrent;

namespace MultiDc.Testing.Cluster;

/// <summary>Which Raft messages are lost on the way. Everything else, calls of clients included, still gets through.</summary>
public sealed class RaftFaults
{
    private readonly ConcurrentDictionary<(DatacenterId From, DatacenterId To), byte> links = new();
    private readonly ConcurrentDictionary<ReplicaAddress, byte> replicas = new();
    private long dropped;

    /// <summary>How many messages were lost so far.</summary>
    public long Dropped => Interlocked.Read(ref dropped);

    /// <summary>Loses what one datacenter sends to another; the other direction stays.</summary>
    public void CutOneWay(DatacenterId from, DatacenterId to) => links[(from, to)] = 0;

    /// <summary>Loses what two datacenters send to each other.</summary>
    public void Cut(DatacenterId one, DatacenterId other)
    {
        CutOneWay(one, other);
        CutOneWay(other, one);
    }

    /// <summary>Loses what one replica sends and what is sent to it.</summary>
    public void CutAround(ReplicaAddress replica) => replicas[replica] = 0;

    /// <summary>Lets everything through again.</summary>
    public void Heal()
    {
        links.Clear();
        replicas.Clear();
    }

    internal bool Loses(ReplicaAddress from, ReplicaPlace to)
    {
        var lost = links.ContainsKey((from.Datacenter, to.Datacenter)) || replicas.ContainsKey(from) || replicas.ContainsKey(ReplicaAddress.Of(from.Shard, to));
        if (lost)
        {
            Interlocked.Increment(ref dropped);
        }

        return lost;
    }
}
