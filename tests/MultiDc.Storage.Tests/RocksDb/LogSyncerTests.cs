using MultiDc.Raft;

namespace MultiDc.Storage.Tests;

/// <summary>Batches are written while an earlier one is synced: what that may, and may not, tell the callers.</summary>
public sealed class LogSyncerTests : IDisposable
{
    private const int Writes = 10;

    private readonly TemporaryFolder folders = new();
    private readonly CommitGate commits = new();
    private readonly CommitGate syncs = new();
    private volatile bool failing;

    public void Dispose() => folders.Dispose();

    [Fact]
    public async Task What_is_written_during_a_sync_shares_the_next_one()
    {
        await using var store = await OpenAsync(folders.New());
        var storage = await store.OpenReplicaAsync();
        var (before, beforeSyncs) = (commits.Commits, syncs.Commits);
        using var held = syncs.Hold();
        var writes = await WriteAllButSyncAsync(store, storage);

        Assert.Equal(before + Writes, commits.Commits);
        Assert.All(writes, write => Assert.False(write.IsCompleted));
        held.Dispose();
        await Task.WhenAll(writes);

        // The first of the two takes what is written until its thread begins, which may be all.
        Assert.InRange(syncs.Commits - beforeSyncs, 1, 2);
        Assert.Equal(Writes, (await store.OpenReplicaAsync()).Recovered.Entries.Count);
    }

    [Fact]
    public async Task A_failed_sync_fails_what_was_written_meanwhile_and_is_not_tried_again()
    {
        await using var store = await OpenAsync(folders.New());
        var storage = await store.OpenReplicaAsync();
        var before = syncs.Commits;
        var held = syncs.Hold();
        var writes = await WriteAllButSyncAsync(store, storage);
        failing = true;
        held.Dispose();

        foreach (var write in writes)
        {
            await Assert.ThrowsAsync<StoreFailedException>(() => write);
        }

        Assert.Equal(before + 1, syncs.Commits);
        Assert.Equal(StoreHealth.Failed, store.Health);
    }

    [Fact]
    public async Task A_record_is_not_written_past_a_sync_that_may_fail()
    {
        var folder = folders.New();
        await using (var store = await OpenAsync(folder))
        {
            var storage = await store.OpenReplicaAsync();
            var held = syncs.Hold();
            var writes = await WriteAllButSyncAsync(store, storage);
            var written = commits.Commits;
            var added = store.AddRecordAsync("key", "value"u8.ToArray()).AsTask();

            // Where a record's write has passed the commit hook, it waits for the sync, or has overtaken it.
            SpinWait.SpinUntil(() => commits.Commits > written);
            failing = true;
            held.Dispose();
            await Assert.ThrowsAsync<StoreFailedException>(() => added);
            foreach (var write in writes)
            {
                await Assert.ThrowsAsync<StoreFailedException>(() => write);
            }
        }

        await using var reopened = await RocksDbTestStore.OpenAsync(folder);
        Assert.Null(await reopened.GetRecordAsync("key"));
    }

    [Fact]
    public async Task Answers_come_in_the_order_of_the_calls_however_batches_are_synced()
    {
        await using var store = await OpenAsync(folders.New());
        var storage = await store.OpenReplicaAsync();
        for (var round = 0; round < 50; round++)
        {
            var writes = Enumerable.Range((round * Writes) + 1, Writes)
                .Select(i => storage.WriteAsync(RocksDbTestStore.Append((ulong)i, (ulong)i)).AsTask()).ToArray();
            await writes[^1];
            Assert.All(writes, write => Assert.True(write.IsCompletedSuccessfully));
        }
    }

    /// <summary>Batches of one write each. Returns when all are written, and the first one's sync stands at the gate.</summary>
    private async Task<Task[]> WriteAllButSyncAsync(RocksDbReplicaStore store, IReplicaStorage storage)
    {
        var written = commits.Commits + Writes;
        var held = commits.Hold();
        var writes = Enumerable.Range(1, Writes).Select(i => storage.WriteAsync(RocksDbTestStore.Append((ulong)i, (ulong)i)).AsTask()).ToArray();
        await commits.Waiting;
        held.Dispose();
        await syncs.Waiting;
        SpinWait.SpinUntil(() => commits.Commits == written && store.QueuedWrites == 0);
        return writes;
    }

    private Task<RocksDbReplicaStore> OpenAsync(string folder) => RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folder) with
    {
        MaxBatchBytes = 1,
        BeforeCommit = commits.Pass,
        BeforeSync = () =>
        {
            syncs.Pass(0);
            if (failing)
            {
                throw new IOException("injected");
            }
        },
    });
}
