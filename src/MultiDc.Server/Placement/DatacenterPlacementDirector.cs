using Orleans.Placement;
using Orleans.Runtime.Placement;

namespace MultiDc.Server.Placement;

/// <summary>Places a pinned grain where <see cref="DatacenterSiloChooser"/> says, so grains need no directory to be found.</summary>
internal sealed class DatacenterPlacementDirector(DatacenterSiloChooser chooser, ISiloTopology topology) : IPlacementDirector
{
    public async Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var key = target.GrainIdentity.Key.ToString()!;
        var compatible = context.GetCompatibleSilos(target);

        // Orleans tries this kind of exception again a few times, then tells the caller.
        return await chooser.ChooseAsync(key, compatible.Contains) ?? throw new SiloUnavailableException(
            $"No silo of this cluster is in datacenter '{DatacenterSiloChooser.DatacenterOf(key)}', where grain '{key}' is pinned. Silos carry their datacenter "
            + $"in the metadata key '{DatacenterId.SiloMetadataKey}'; here are {topology.Describe()}");
    }
}
