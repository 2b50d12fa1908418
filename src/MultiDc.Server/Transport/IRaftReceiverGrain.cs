using MultiDc.Server.Trust;
using Orleans.Concurrency;

namespace MultiDc.Server.Transport;

/// <summary>Takes parcels for all replicas of its datacenter, on whichever silo a call reaches first.</summary>
[Alias("MultiDc.IRaftReceiverGrain")]
internal interface IRaftReceiverGrain : IGrainWithStringKey
{
    /// <summary>Hands the frames on. Of a parcel that does not come, or is refused, nobody is told: half the messages of a call that is answered.</summary>
    [OneWay, AlwaysInterleave, Alias("ReceiveOneWay")]
    Task ReceiveOneWayAsync(RaftParcel parcel, SiloCredential credential);

    /// <summary>The same. Returning says that the parcel came, so that the sender may send more; of the frames nobody is told.</summary>
    /// <exception cref="UnauthorizedAccessException">The caller is no silo of this system.</exception>
    [AlwaysInterleave, Alias("Receive")]
    Task ReceiveAsync(RaftParcel parcel, SiloCredential credential);
}
