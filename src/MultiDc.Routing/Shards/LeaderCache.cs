using System.Collections.Concurrent;

namespace MultiDc.Routing.Shards;

/// <summary>Where each shard's leader was last seen. A guess that saves a redirect, never relied on.</summary>
internal sealed class LeaderCache
{
    private readonly ConcurrentDictionary<ShardId, DatacenterId> leaders = new();

    public DatacenterId? Get(ShardId shard) => leaders.TryGetValue(shard, out var leader) ? leader : null;

    public void Set(ShardId shard, DatacenterId leader) => leaders[shard] = leader;

    /// <summary>Forgets the leader unless another request has found a new one meanwhile.</summary>
    public void Forget(ShardId shard, DatacenterId leader) => leaders.TryRemove(KeyValuePair.Create(shard, leader));
}
