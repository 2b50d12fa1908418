using System.Collections.Concurrent;
using MultiDc.Ring;
using MultiDc.Server.Founding;

namespace MultiDc.Server.Placement;

/// <summary>
/// Chooses the silo of a pinned grain: among the silos of its datacenter, those whose store already holds the replica, if any; among
/// these, by consistent hashing of silo names. The same on every silo that sees the same members. The replicas of a shard begin at different silos of the same
/// order, and none goes where another one is while there is any other silo.
/// </summary>
internal sealed class DatacenterSiloChooser(ISiloTopology topology, IReplicaHomes homes)
{
    private readonly ConcurrentDictionary<string, (long View, SiloAddress Silo)> settled = new();

    /// <summary>The datacenter that a grain key names: the text after <c>@</c>, up to <c>#</c>, or the whole key.</summary>
    public static DatacenterId DatacenterOf(string key) => new(key[(key.LastIndexOf('@') + 1)..].Split('#')[0]);

    /// <summary>Whether the grain should be on another silo than this one.</summary>
    public async ValueTask<bool> IsElsewhereAsync(string key, SiloAddress self) => await ChooseAsync(key, static _ => true) is { } right && !right.Equals(self);

    /// <summary>The silo for the grain; null when its datacenter has no live silo among those that <paramref name="mayHost"/> allows.</summary>
    public async ValueTask<SiloAddress?> ChooseAsync(string key, Func<SiloAddress, bool> mayHost)
    {
        var view = topology.View;
        var candidates = topology.SilosOf(DatacenterOf(key)).Where(silo => mayHost(silo.Address)).ToArray();
        if (candidates.Length <= 1)
        {
            return candidates.FirstOrDefault()?.Address;
        }

        if (settled.TryGetValue(key, out var known) && known.View == view)
        {
            return known.Silo;
        }

        var (among, holding) = await homes.HoldersAsync(candidates, key);
        var chosen = InOrder(candidates, key).First(among.Contains).Address;

        // A home stays one; anything less may be another's the next moment.
        if (holding >= ReplicaHolding.Founded)
        {
            settled[key] = (view, chosen);
        }

        return chosen;
    }

    private static IEnumerable<SiloPlace> InOrder(SiloPlace[] candidates, string key)
    {
        var (first, skipped) = ReplicaAddress.TryParse(key, out var replica) ? ((replica with { Ordinal = 1 }).ToString(), (replica.Ordinal - 1) % candidates.Length) : (key, 0);
        var names = new HashRing(candidates.Select(static silo => (silo.Name, silo.Weight))).OwnersFrom(HashRing.HashOf(first));
        return names.Skip(skipped).Concat(names.Take(skipped)).Select(name => candidates.First(silo => silo.Name == name));
    }
}
