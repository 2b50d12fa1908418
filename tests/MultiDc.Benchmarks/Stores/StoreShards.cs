namespace MultiDc.Benchmarks.Stores;

/// <summary>Replicas of a store, one per shard, as a silo would have them.</summary>
internal sealed class StoreShards : IAppendTarget
{
    private static readonly GroupConfiguration Group = new([new ReplicaId(1), new ReplicaId(2), new ReplicaId(3)]);
    private static readonly Term Term = new(1);

    private readonly IReplicaStore store;
    private readonly IReplicaStorage[] replicas;
    private readonly ulong[] last;
    private readonly byte[] payload;

    private StoreShards(IReplicaStore store, IReplicaStorage[] replicas, byte[] payload)
    {
        (this.store, this.replicas, this.payload) = (store, replicas, payload);
        last = [.. replicas.Select(static replica => replica.Recovered.Entries is [.., var entry] ? entry.Index.Value : replica.Recovered.Snapshot.LastIncluded.Index.Value)];
    }

    public int Count => replicas.Length;

    /// <summary>
    /// Takes the store over, which is closed with it. The run is part of the replicas' names, so that two measurements on the same server
    /// do not meet.
    /// </summary>
    public static async Task<StoreShards> OpenAsync(IReplicaStore store, string run, int shards, byte[] payload)
    {
        var replicas = await Task.WhenAll(Enumerable.Range(0, shards).Select(shard => Task.Run(async () =>
            await store.OpenAsync(new($"{run}/{shard}@dc1"), new(Group)) ?? throw new InvalidOperationException("the store did not found a replica"))));
        return new(store, replicas, payload);
    }

    public IReplicaState StateOf(int shard) => replicas[shard].State;

    public int RecoveredEntriesOf(int shard) => replicas[shard].Recovered.Entries.Count;

    public ValueTask AppendAsync(int shard) => AppendAsync(shard, 1);

    /// <summary>Appends several entries in one write.</summary>
    public ValueTask AppendAsync(int shard, int count)
    {
        var entries = new LogEntry[count];
        for (var i = 0; i < count; i++)
        {
            entries[i] = new(new(Term, new(++last[shard])), EntryKind.Command, payload);
        }

        return replicas[shard].WriteAsync(new() { Entries = entries });
    }

    /// <summary>Applies the last appended entry.</summary>
    public ValueTask ApplyAsync(int shard, StateBatch batch) => replicas[shard].State.ApplyAsync(batch, new(last[shard]));

    /// <summary>Makes applied rows durable and drops the log up to there, as a replica does from time to time.</summary>
    public async Task FlushAndCompactAsync(int shard)
    {
        var state = replicas[shard].State;
        await state.FlushAsync();
        if (state.DurableApplied.Value > 0)
        {
            await replicas[shard].CompactToAsync(new(new(Term, state.DurableApplied), Group));
        }
    }

    public ValueTask DisposeAsync() => store.DisposeAsync();
}
