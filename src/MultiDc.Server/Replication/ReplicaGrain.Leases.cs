using MultiDc.Grains;

namespace MultiDc.Server.Replication;

/// <summary>Reads of leases.</summary>
internal sealed partial class ReplicaGrain
{
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
