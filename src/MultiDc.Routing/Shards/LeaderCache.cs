using System.Collections.Concurrent;

namespace MultiDc.Routing.Shards;

/// <summary>Where each shard's leader was last seen. A guess that saves a redirect, never relied on.</summary>
internal sealed class LeaderCache
{
    private readonly ConcurrentDictionary<ShardId, ReplicaPlace> leaders = new();

    public ReplicaPlace? Get(ShardId shard) => leaders.TryGetValue(shard, out var leader) ? leader : null;

    public void Set(ShardId shard, ReplicaPlace leader)
    {
        // Almost always it is known, and setting it would take a lock and memory.
        if (!leaders.TryGetValue(shard, out var known) || known != leader)
        {
            leaders[shard] = leader;
        }
    }

    /// <summary>Forgets the leader unless another request has found a new one meanwhile.</summary>
    public void Forget(ShardId shard, ReplicaPlace leader) => leaders.TryRemove(KeyValuePair.Create(shard, leader));
}
