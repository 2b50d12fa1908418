using MultiDc.Ring;
using Orleans.Concurrency;

namespace MultiDc.Grains;

/// <summary>
/// The ring as one datacenter sees it; the grain's key is the datacenter. The ring's truth is a replicated shard, so every datacenter has
/// its own grain over it and the loss of any datacenter takes none of it away. Changes are answered as writes are: they may be <see cref="Unknown"/>, and asking again is harmless.
/// </summary>
[Alias("MultiDc.IRingGrain")]
public interface IRingGrain : IGrainWithStringKey
{
    /// <summary>The newest snapshot this datacenter knows. Routing information: it may lag, and a replica refuses what does not belong to it.</summary>
    /// <param name="newerThan">The caller has this version already; it is answered with null if there is no newer one.</param>
    [AlwaysInterleave, Alias("GetSnapshot")]
    Task<RingSnapshot?> GetSnapshotAsync(RingVersion newerThan);

    /// <summary>Adds a keyspace; applied also when the same one is there already, rejected when its name is taken by another.</summary>
    [AlwaysInterleave, Alias("CreateKeyspace")]
    Task<WriteResult> CreateKeyspaceAsync(KeyspaceDescriptor keyspace);

    /// <summary>The same for a keyspace with what earlier versions do not know, which therefore do not know this call.</summary>
    [AlwaysInterleave, Alias("DefineKeyspace")]
    Task<WriteResult> DefineKeyspaceAsync(KeyspaceDescriptor keyspace);

    /// <summary>Changes of a keyspace what may be changed; applied also when it is so already, rejected when it cannot be.</summary>
    [AlwaysInterleave, Alias("AlterKeyspace")]
    Task<WriteResult> AlterKeyspaceAsync(string keyspace, KeyspaceChange change);

    /// <summary>Drops a keyspace with all that is in it, for good.</summary>
    /// <param name="keyspace">Its name.</param>
    /// <param name="incarnation">Which of that name; null: whichever there is.</param>
    /// <returns>
    /// Applied when it is dropped and a majority of each shard's replicas has ended for good; unknown also when it is dropped, but not all shards have told that they ended;
    /// rejected as unknown keyspace when there is none.
    /// </returns>
    [AlwaysInterleave, Alias("DropKeyspace")]
    Task<WriteResult> DropKeyspaceAsync(string keyspace, ulong? incarnation);
}
