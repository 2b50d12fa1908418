namespace MultiDc.Benchmarks.Stores;

/// <summary>Takes appends of many shards and answers each when it is durable.</summary>
internal interface IAppendTarget : IAsyncDisposable
{
    /// <summary>Appends one payload to a shard, durably. Appends of one shard are not concurrent.</summary>
    ValueTask AppendAsync(int shard);
}
