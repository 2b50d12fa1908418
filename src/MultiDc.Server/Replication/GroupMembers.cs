using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.IO.Hashing;
using System.Text;

namespace MultiDc.Server.Replication;

/// <summary>
/// The replicas of a group by datacenter and by Raft id. The id of a founder is a hash of the datacenter's name, so it does not depend on the
/// order of anybody's options; the id of a replacement is a hash of the store as well. Replacements are learned, from any thread, and
/// not forgotten: who is no member any more may still be answered.
/// </summary>
internal sealed class GroupMembers
{
    private readonly FrozenDictionary<ReplicaId, DatacenterId> datacenters;
    private readonly ImmutableArray<ReplicaId> witnesses = [];
    private readonly ConcurrentDictionary<ReplicaId, DatacenterId> replacements = new();
    private GroupConfiguration? followed;

    /// <summary>One replica in each datacenter, as a group is founded; those in the <paramref name="witnesses"/> hold no state.</summary>
    public GroupMembers(IEnumerable<DatacenterId> members, IEnumerable<DatacenterId> witnesses)
        : this(members.Select(static datacenter => (IdOf(datacenter), datacenter)))
    {
        this.witnesses = [.. witnesses.Select(IdOf)];
    }

    /// <summary>One full replica in each datacenter.</summary>
    public GroupMembers(IEnumerable<DatacenterId> members)
        : this(members, [])
    {
    }

    /// <summary>Replicas wherever they are.</summary>
    public GroupMembers(IEnumerable<(ReplicaId Id, DatacenterId Datacenter)> replicas)
    {
        var byId = new Dictionary<ReplicaId, DatacenterId>();
        foreach (var (id, datacenter) in replicas)
        {
            Invariant.Require(byId.TryAdd(id, datacenter), "replica ids of a group are distinct");
        }

        datacenters = byId.ToFrozenDictionary();
    }

    public static ReplicaId IdOf(DatacenterId datacenter) => new(HashOf(datacenter));

    /// <summary>The id of a replacement: nobody on another store ever has it.</summary>
    public static ReplicaId IdOf(DatacenterId datacenter, Guid storeId)
    {
        var hash = new XxHash64();
        hash.Append(Encoding.UTF8.GetBytes(datacenter.Value));
        hash.Append(storeId.ToByteArray());
        return new(hash.GetCurrentHashAsUInt64() | 1);
    }

    /// <summary>The datacenter as the core knows it.</summary>
    public static DatacenterTag TagOf(DatacenterId datacenter) => new(HashOf(datacenter));

    /// <summary>All of them as voters: how a group is founded.</summary>
    public GroupConfiguration Configuration => new(datacenters.Keys)
    {
        Witnesses = witnesses,
        Datacenters = datacenters.ToImmutableSortedDictionary(static at => at.Key, static at => TagOf(at.Value)),
    };

    public IEnumerable<DatacenterId> Datacenters => datacenters.Values;

    /// <summary>All that are known, and were.</summary>
    public IEnumerable<(ReplicaId Id, DatacenterId Datacenter)> All => datacenters.Concat(replacements).Select(static at => (at.Key, at.Value));

    private static ulong HashOf(DatacenterId datacenter) => XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(datacenter.Value)) | 1;

    public DatacenterId? DatacenterOf(ReplicaId id) =>
        datacenters.TryGetValue(id, out var datacenter) || replacements.TryGetValue(id, out datacenter) ? datacenter : null;

    /// <summary>A member by this id stands in the datacenter.</summary>
    public void Learn(ReplicaId id, DatacenterId datacenter)
    {
        if (!datacenters.ContainsKey(id))
        {
            replacements.TryAdd(id, datacenter);
        }
    }

    /// <summary>Learns where the members of a configuration stand. On the pump's turns.</summary>
    public void Follow(GroupConfiguration configuration)
    {
        if (ReferenceEquals(configuration, followed))
        {
            return;
        }

        followed = configuration;
        foreach (var (id, tag) in configuration.Datacenters)
        {
            if (datacenters.Values.FirstOrDefault(datacenter => TagOf(datacenter) == tag) is { Value: not null } datacenter)
            {
                Learn(id, datacenter);
            }
        }
    }
}
