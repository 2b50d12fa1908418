using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.IO.Hashing;
using System.Text;

namespace MultiDc.Server.Replication;

/// <summary>
/// The replicas of a group by place and by Raft id. The id of a founder is a hash of its place, so it does not depend on the
/// order of anybody's options; the id of a replacement is a hash of the store as well. Which of a datacenter's replicas a member is, its id tells: the ids of first
/// ones are odd, as all were when there were no others; those of further ones have twice the ordinal for a last byte. Replacements are learned, from any thread, and
/// not forgotten: who is no member any more may still be answered.
/// </summary>
internal sealed class GroupMembers
{
    private readonly FrozenDictionary<ReplicaId, DatacenterId> datacenters;
    private readonly ImmutableArray<ReplicaId> witnesses = [];
    private readonly ConcurrentDictionary<ReplicaId, DatacenterId> replacements = new();
    private GroupConfiguration? followed;

    /// <summary>Replicas at these places, as a group is founded; those in the <paramref name="witnesses"/> hold no state.</summary>
    public GroupMembers(IEnumerable<ReplicaPlace> members, IEnumerable<DatacenterId> witnesses)
        : this(members.Select(static place => (IdOf(place), place.Datacenter)))
    {
        this.witnesses = [.. witnesses.Select(IdOf)];
    }

    /// <summary>One replica in each datacenter; those in the <paramref name="witnesses"/> hold no state.</summary>
    public GroupMembers(IEnumerable<DatacenterId> members, IEnumerable<DatacenterId> witnesses)
        : this(members.Select(static datacenter => new ReplicaPlace(datacenter)), witnesses)
    {
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

    /// <summary>The founder of the datacenter's first replica.</summary>
    public static ReplicaId IdOf(DatacenterId datacenter) => IdOf(new ReplicaPlace(datacenter));

    /// <summary>The founder at a place.</summary>
    public static ReplicaId IdOf(ReplicaPlace place) => IdOf(place, HashOf(place.ToString()));

    /// <summary>The id of a replacement of the datacenter's first replica.</summary>
    public static ReplicaId IdOf(DatacenterId datacenter, Guid storeId) => IdOf(new ReplicaPlace(datacenter), storeId);

    /// <summary>The id of a replacement: nobody on another store ever has it.</summary>
    public static ReplicaId IdOf(ReplicaPlace place, Guid storeId)
    {
        var hash = new XxHash64();
        hash.Append(Encoding.UTF8.GetBytes(place.ToString()));
        hash.Append(storeId.ToByteArray());
        return IdOf(place, hash.GetCurrentHashAsUInt64());
    }

    /// <summary>Which of its datacenter's replicas a member is.</summary>
    public static int OrdinalOf(ReplicaId id) => (id.Value & 1) == 1 ? 1 : (int)(id.Value & OrdinalMask) >> 1;

    /// <summary>The datacenter as the core knows it.</summary>
    public static DatacenterTag TagOf(DatacenterId datacenter) => new(HashOf(datacenter.Value) | 1);

    /// <summary>All of them as voters: how a group is founded.</summary>
    public GroupConfiguration Configuration => new(datacenters.Keys)
    {
        Witnesses = witnesses,
        Datacenters = datacenters.ToImmutableSortedDictionary(static at => at.Key, static at => TagOf(at.Value)),
    };

    public IEnumerable<DatacenterId> Datacenters => datacenters.Values;

    /// <summary>All that are known, and were.</summary>
    public IEnumerable<(ReplicaId Id, ReplicaPlace Place)> All => datacenters.Concat(replacements).Select(static at => (at.Key, new ReplicaPlace(at.Value, OrdinalOf(at.Key))));

    private const ulong OrdinalMask = 0xff;

    private static ReplicaId IdOf(ReplicaPlace place, ulong hash) => new(place.IsFirst ? hash | 1 : (hash & ~OrdinalMask) | ((ulong)place.Ordinal << 1));

    private static ulong HashOf(string text)
    {
        // Of whoever sent a message: nothing is allocated for the usual name.
        Span<byte> room = stackalloc byte[128];
        return XxHash64.HashToUInt64(Encoding.UTF8.TryGetBytes(text, room, out var written) ? room[..written] : Encoding.UTF8.GetBytes(text));
    }

    public DatacenterId? DatacenterOf(ReplicaId id) =>
        datacenters.TryGetValue(id, out var datacenter) || replacements.TryGetValue(id, out datacenter) ? datacenter : null;

    /// <summary>Where a member is, or was; null when it is not known.</summary>
    public ReplicaPlace? PlaceOf(ReplicaId id) => DatacenterOf(id) is { } datacenter ? new(datacenter, OrdinalOf(id)) : null;

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
