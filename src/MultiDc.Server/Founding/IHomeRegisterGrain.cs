using System.Collections.Immutable;
using MultiDc.Ring;
using MultiDc.Server.Trust;

namespace MultiDc.Server.Founding;

/// <summary>
/// Which store is the home of each replica, agreed on by the whole system, see <see cref="HomeRegister"/>. The same grain, and key, as
/// <see cref="Grains.IRingGrain"/>. Every method throws <see cref="UnauthorizedAccessException"/> when the caller is no silo of this system, and
/// <see cref="Exception"/> when the ring's shard does not answer.
/// </summary>
[Alias("MultiDc.IHomeRegisterGrain")]
internal interface IHomeRegisterGrain : IGrainWithStringKey
{
    /// <summary>Makes the store the replica's home unless another is that was not retired, or the store is that of one of the other replicas named, which are of the same shard.</summary>
    /// <returns>The home; null when there is none, or it could not be told now.</returns>
    [Alias("ClaimHome")]
    Task<ReplicaHome?> ClaimAsync(string replica, Guid storeId, bool mayFound, SiloCredential credential, ImmutableArray<string> apartFrom);

    /// <summary>The replica's home; null when none is named.</summary>
    [Alias("GetHome")]
    Task<ReplicaHome?> GetHomeAsync(string replica, SiloCredential credential);

    /// <summary>A silo of the datacenter says which store it has, and whether the store is new.</summary>
    /// <returns>Whether there is nothing more to do.</returns>
    [Alias("RegisterStore")]
    Task<bool> RegisterStoreAsync(string silo, Guid storeId, bool isNew, SiloCredential credential);

    /// <summary>Tells the datacenter a ring in which a keyspace is dropped, and ends its replicas there.</summary>
    /// <param name="ring">The ring.</param>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="credential">Whose silo tells it.</param>
    /// <returns>The numbers of the shards of which a replica has ended, each as often as replicas of it have.</returns>
    [Alias("EndReplicas")]
    Task<int[]> EndReplicasAsync(RingSnapshot ring, KeyspaceDescriptor keyspace, SiloCredential credential);
}
