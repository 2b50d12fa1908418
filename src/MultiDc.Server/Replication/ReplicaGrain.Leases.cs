using System.Collections.Immutable;
using MultiDc.Grains;
using MultiDc.Server.Trust;

namespace MultiDc.Server.Replication;

/// <summary>Reads of leases.</summary>
internal sealed partial class ReplicaGrain
{
    private static readonly TimeSpan PatienceForLeases = TimeSpan.FromSeconds(2);

    public async Task<ImmutableArray<RemainingLease>> GetRemainingLeasesAsync(SiloCredential credential)
    {
        gate.Require(credential);
        return pump is { } target ? await target.GetRemainingLeasesAsync() : throw new InvalidOperationException($"replica {address} is not running");
    }

    private async Task<ImmutableArray<RemainingLease>> AskAboutLeasesAsync(ReplicaPlace place, CancellationToken stop) =>
        links.TryGetLink(place.Datacenter, out var link) && link.TryGetGrain<IReplicaPeerGrain>(ReplicaAddress.Of(address.Shard, place).ToString(), out var peer)
            ? await peer.GetRemainingLeasesAsync(gate.Own).WaitAsync(PatienceForLeases, time, stop)
            : throw new InvalidOperationException($"datacenter {place.Datacenter} is not linked");

    public async Task<LeaseReply> ReadLeaseAsync(LeaseReadRequest request)
    {
        if (pump is not { } target)
        {
            return new(null, new(WhyNotServed, NotReadyDetail));
        }

        try
        {
            return await target.ReadLeaseAsync(request.Lease).WaitAsync(request.Timeout, time);
        }
        catch (TimeoutException)
        {
            return new(null, new(RejectionReason.Unavailable, $"the leadership was not confirmed within {request.Timeout.TotalMilliseconds:0} ms"));
        }
    }
}
