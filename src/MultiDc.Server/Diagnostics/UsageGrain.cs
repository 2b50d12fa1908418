using System.Collections.Immutable;
using MultiDc.Grains;
using MultiDc.Server.Placement;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;

namespace MultiDc.Server.Diagnostics;

/// <inheritdoc/>
/// <remarks>Every silo has an activation of its own and can ask all others, as with <see cref="Hosting.PingGrain"/>.</remarks>
[PreferLocalPlacement, GrainDirectory(SiloLocalGrainDirectory.Name), Immovable, Reentrant]
internal sealed class UsageGrain(ISiloTopology topology, UsageClient silos) : Grain, IUsageGrain
{
    public async Task<ImmutableArray<SiloUsage>> GetUsageAsync()
    {
        var told = await Task.WhenAll(topology.SilosOf(new(this.GetPrimaryKeyString())).Select(silos.GetUsageAsync));
        return [.. told.OfType<SiloUsage>()];
    }
}
