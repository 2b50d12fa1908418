using System.Collections.Frozen;
using System.IO.Hashing;
using System.Text;

namespace MultiDc.Server.Replication;

/// <summary>The replicas of a group by datacenter and by Raft id. The id is a hash of the datacenter's name, so it does not depend on the order of anybody's options.</summary>
internal sealed class GroupMembers
{
    private readonly FrozenDictionary<ReplicaId, DatacenterId> datacenters;

    public GroupMembers(IEnumerable<DatacenterId> members)
    {
        var byId = new Dictionary<ReplicaId, DatacenterId>();
        foreach (var datacenter in members)
        {
            Invariant.Require(byId.TryAdd(IdOf(datacenter), datacenter), "replica ids of a group are distinct");
        }

        datacenters = byId.ToFrozenDictionary();
    }

    public static ReplicaId IdOf(DatacenterId datacenter) => new(XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(datacenter.Value)) | 1);

    public GroupConfiguration Configuration => new(datacenters.Keys);

    public IEnumerable<DatacenterId> Datacenters => datacenters.Values;

    public DatacenterId? DatacenterOf(ReplicaId id) => datacenters.TryGetValue(id, out var datacenter) ? datacenter : null;
}
