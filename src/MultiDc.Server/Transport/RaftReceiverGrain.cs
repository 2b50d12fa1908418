using MultiDc.Server.Hosting;
using MultiDc.Server.Placement;
using MultiDc.Server.Trust;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;

namespace MultiDc.Server.Transport;

/// <summary>
/// Frames for a replica that runs on this silo go straight to its pump, past the queue of its grain, where callers' requests wait. The
/// others go to their grain, wherever it is or wakes. Every silo has an activation of its own: one that a call reaches first finds none in its own
/// directory and makes one. (Not a stateless worker: a silo that crashes while it has one is never disposed of to the end, in Orleans 10.4.2.)
/// </summary>
[PreferLocalPlacement, GrainDirectory(SiloLocalGrainDirectory.Name), Immovable, Reentrant]
internal sealed class RaftReceiverGrain(LocalReplicas locals, IGrainFactory grains, SiloGate gate) : Grain, IRaftReceiverGrain
{
    public override async Task OnActivateAsync(CancellationToken cancellationToken) => await UnlockedActivation.Begin();

    public Task ReceiveOneWayAsync(RaftParcel parcel, SiloCredential credential) => ReceiveAsync(parcel, credential);

    public Task ReceiveAsync(RaftParcel parcel, SiloCredential credential)
    {
        gate.Require(credential);
        var datacenter = new DatacenterId(this.GetPrimaryKeyString());
        foreach (var frame in parcel.Frames)
        {
            var address = frame.ReceiverIn(datacenter);
            if (!locals.TryTake(address, frame))
            {
                grains.GetGrain<IReplicaPeerGrain>(address.ToString()).DeliverAsync(frame, credential).Ignore();
            }
        }

        return Task.CompletedTask;
    }
}
