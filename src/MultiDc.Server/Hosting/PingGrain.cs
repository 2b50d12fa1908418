using MultiDc.Grains;
using MultiDc.Server.Placement;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;

namespace MultiDc.Server.Hosting;

/// <inheritdoc/>
/// <remarks>Every silo has an activation of its own, as with <see cref="Transport.RaftReceiverGrain"/>.</remarks>
[PreferLocalPlacement, GrainDirectory(SiloLocalGrainDirectory.Name), Immovable, Reentrant]
internal sealed class PingGrain : Grain, IPingGrain
{
    public Task PingAsync() => Task.CompletedTask;
}
