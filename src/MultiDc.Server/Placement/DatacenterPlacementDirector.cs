using System.Collections.Concurrent;
using MultiDc.Ring;
using Orleans.Placement;
using Orleans.Runtime.Placement;

namespace MultiDc.Server.Placement;

/// <summary>
/// Chooses the silo of a pinned grain: among the silos of its datacenter, those whose store already holds the replica, if any; among
/// these, by consistent hashing of silo names. The same on every silo, so grains need no directory to be found.
/// </summary>
internal sealed class DatacenterPlacementDirector(ISiloTopology topology, IReplicaHomes homes) : IPlacementDirector
{
    private readonly ConcurrentDictionary<GrainId, (long View, SiloAddress Silo)> settled = new();

    public async Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var key = target.GrainIdentity.Key.ToString()!;
        var datacenter = new DatacenterId(key[(key.LastIndexOf('@') + 1)..]);
        var compatible = context.GetCompatibleSilos(target);
        var candidates = topology.SilosOf(datacenter).Where(silo => compatible.Contains(silo.Address)).ToArray();
        if (candidates.Length == 0)
        {
            // Orleans tries this kind again a few times, then tells the caller.
            throw new SiloUnavailableException(
                $"No silo of this cluster is in datacenter '{datacenter}', where grain '{key}' is pinned. Silos carry their datacenter in the metadata "
                + $"key '{DatacenterId.SiloMetadataKey}'; here are {topology.Describe()}");
        }

        if (candidates is [var only])
        {
            return only.Address;
        }

        var view = topology.View;
        if (settled.TryGetValue(target.GrainIdentity, out var known) && known.View == view)
        {
            return known.Silo;
        }

        var holders = await homes.HoldersAsync(candidates, key);
        var among = holders.Count > 0 ? holders : candidates;
        var name = new HashRing(among.Select(static silo => (silo.Name, silo.Weight))).OwnerOf(HashRing.HashOf(key));
        var chosen = among.First(silo => silo.Name == name).Address;
        if (holders.Count > 0)
        {
            settled[target.GrainIdentity] = (view, chosen);
        }

        return chosen;
    }
}
