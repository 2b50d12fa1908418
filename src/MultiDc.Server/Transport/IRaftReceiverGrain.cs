using MultiDc.Server.Trust;
using Orleans.Concurrency;

namespace MultiDc.Server.Transport;

/// <summary>Takes parcels for all replicas of its datacenter, on whichever silo a call reaches first.</summary>
[Alias("MultiDc.IRaftReceiverGrain")]
internal interface IRaftReceiverGrain : IGrainWithStringKey
{
    /// <summary>Hands the frames on. Returning says that the parcel came, so that the sender may send another; of the frames nobody is told.</summary>
    /// <exception cref="UnauthorizedAccessException">The caller is no silo of this system.</exception>
    [AlwaysInterleave, Alias("Receive")]
    Task ReceiveAsync(RaftParcel parcel, SiloCredential credential);
}
