using MultiDc.Raft;
using RocksDbSharp;

namespace MultiDc.Storage.Tests;

public sealed class CommitOrderTests : IDisposable
{
    private readonly TemporaryFolder folders = new();

    public void Dispose() => folders.Dispose();

    [Fact]
    public async Task Every_commit_is_synced_and_applying_rows_is_not()
    {
        DbOptions database = null!;
        await using var store = await RocksDbReplicaStore.OpenAsync(
            RocksDbTestStore.Options(folders.New()) with { Configure = options => database = options.EnableStatistics() });
        var storage = await store.OpenReplicaAsync();
        var before = WalSyncs(database);
        for (var index = 1UL; index <= 5; index++)
        {
            await storage.WriteAsync(RocksDbTestStore.Append(index, index));
            Assert.Equal(before + (int)index, WalSyncs(database));
        }

        await storage.State.ApplyAsync(RocksDbTestStore.Put("a", "1"), new LogIndex(5));
        Assert.Equal(before + 5, WalSyncs(database));
    }

    private static int WalSyncs(DbOptions database)
    {
        const string ticker = "rocksdb.wal.synced COUNT : ";
        var line = database.GetStatisticsString().Split('\n').Single(line => line.StartsWith(ticker, StringComparison.Ordinal));
        return int.Parse(line[ticker.Length..]);
    }

    [Fact]
    public async Task A_refusal_is_not_answered_before_what_was_called_earlier_is_durable()
    {
        var gate = new CommitGate();
        var answeredEarly = new TaskCompletionSource<bool>();
        Task refused = Task.CompletedTask;
        await using var store = await RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folders.New()) with
        {
            BeforeCommit = writes =>
            {
                gate.Pass(writes);
                if (writes == 2)
                {
                    answeredEarly.SetResult(refused.IsCompleted);
                }
            },
        });
        var fenced = await store.OpenReplicaAsync();
        var latest = await store.OpenReplicaAsync();
        var hold = gate.Hold();
        var blocks = latest.WriteAsync(RocksDbTestStore.Append(1, 1)).AsTask();
        await gate.Waiting;
        var earlier = latest.WriteAsync(RocksDbTestStore.Append(2, 2)).AsTask();
        refused = fenced.WriteAsync(RocksDbTestStore.Append(1, 1)).AsTask();
        hold.Dispose();

        Assert.False(await answeredEarly.Task);
        await Task.WhenAll(blocks, earlier);
        await Assert.ThrowsAsync<FencedException>(() => refused);
    }

    [Fact]
    public async Task A_flush_that_runs_does_not_answer_for_rows_applied_after_it_began()
    {
        var gate = new CommitGate();
        await using var store = await RocksDbReplicaStore.OpenAsync(
            RocksDbTestStore.Options(folders.New()) with { BeforeStateFlush = () => gate.Pass(0) });
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 2));
        await storage.State.ApplyAsync(RocksDbTestStore.Put("a", "1"), new LogIndex(1));
        var hold = gate.Hold();
        var first = storage.State.FlushAsync().AsTask();
        await gate.Waiting;
        await storage.State.ApplyAsync(RocksDbTestStore.Put("a", "2"), new LogIndex(2));
        var second = storage.State.FlushAsync().AsTask();
        hold.Dispose();

        await first;
        await second;
        Assert.Equal(new LogIndex(2), storage.State.DurableApplied);
        Assert.Equal(2, gate.Commits);
    }

    [Fact]
    public async Task A_write_called_during_an_install_does_not_overtake_it()
    {
        var gate = new CommitGate();
        await using var store = await RocksDbReplicaStore.OpenAsync(
            RocksDbTestStore.Options(folders.New()) with { BeforeStateFlush = () => gate.Pass(0) });
        var storage = await store.OpenReplicaAsync();
        var staged = await storage.State.StageAsync(
            new SnapshotMetadata(new EntryId(new Term(1), new LogIndex(9)), RocksDbTestStore.Founding.Configuration));
        var hold = gate.Hold();
        var install = storage.WriteAsync(new ReplicaWrite { Install = staged }).AsTask();
        await gate.Waiting;
        var append = storage.WriteAsync(RocksDbTestStore.Append(10, 11)).AsTask();
        hold.Dispose();

        await Task.WhenAll(install, append);
        var recovered = (await store.OpenReplicaAsync()).Recovered;
        Assert.Equal(new LogIndex(9), recovered.Snapshot.LastIncluded.Index);
        Assert.Equal(2, recovered.Entries.Count);
    }

    [Fact]
    public async Task A_full_queue_makes_callers_wait_in_turn()
    {
        var gate = new CommitGate();
        await using var store = await RocksDbReplicaStore.OpenAsync(
            RocksDbTestStore.Options(folders.New()) with { MaxQueuedWrites = 2, BeforeCommit = gate.Pass });
        var storage = await store.OpenReplicaAsync();
        var hold = gate.Hold();
        var writes = Enumerable.Range(1, 30).Select(i => storage.WriteAsync(RocksDbTestStore.Append((ulong)i, (ulong)i)).AsTask()).ToArray();
        Assert.All(writes, write => Assert.False(write.IsCompleted));
        hold.Dispose();
        await Task.WhenAll(writes);

        Assert.Equal(30, (await store.OpenReplicaAsync()).Recovered.Entries.Count);
    }

    [Fact]
    public async Task A_batch_has_a_size()
    {
        var gate = new CommitGate();
        await using var store = await RocksDbReplicaStore.OpenAsync(
            RocksDbTestStore.Options(folders.New()) with { MaxBatchBytes = 1, BeforeCommit = gate.Pass });
        var storage = await store.OpenReplicaAsync();
        var before = gate.Commits;
        await Task.WhenAll(Enumerable.Range(1, 10).Select(i => storage.WriteAsync(RocksDbTestStore.Append((ulong)i, (ulong)i)).AsTask()));

        Assert.Equal(10, gate.Commits - before);
    }

    [Fact]
    public async Task A_replica_that_is_closed_and_opened_in_the_commit_of_an_install_starts_from_the_snapshot()
    {
        var gate = new CommitGate();
        await using var store = await RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folders.New()) with { BeforeCommit = gate.Pass });
        var other = await store.OpenReplicaAsync(new ReplicaName("other"));
        var storage = await store.OpenReplicaAsync();
        var staged = await storage.State.StageAsync(
            new SnapshotMetadata(new EntryId(new Term(1), new LogIndex(9)), RocksDbTestStore.Founding.Configuration));
        await staged.AddAsync([new StateRow("a"u8.ToArray(), "9"u8.ToArray())]);
        var hold = gate.Hold();
        var blocks = other.WriteAsync(RocksDbTestStore.Append(1, 1)).AsTask();
        await gate.Waiting;
        var install = storage.WriteAsync(new ReplicaWrite { Install = staged }).AsTask();
        SpinWait.SpinUntil(() => store.QueuedWrites == 1);
        var close = storage.DisposeAsync().AsTask();
        var open = store.OpenReplicaAsync();
        hold.Dispose();

        await Task.WhenAll(blocks, install, close);
        var opened = await open;
        Assert.Equal(new LogIndex(9), opened.Recovered.Applied);
        Assert.Equal("9"u8.ToArray(), (await opened.State.GetAsync("a"u8.ToArray()))!.Value.ToArray());
        await opened.WriteAsync(RocksDbTestStore.Append(10, 10));
    }

    [Fact]
    public async Task Of_openings_after_a_close_in_one_commit_each_has_its_own_epoch()
    {
        var gate = new CommitGate();
        await using var store = await RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folders.New()) with { BeforeCommit = gate.Pass });
        var other = await store.OpenReplicaAsync(new ReplicaName("other"));
        var storage = await store.OpenReplicaAsync();
        var hold = gate.Hold();
        var blocks = other.WriteAsync(RocksDbTestStore.Append(1, 1)).AsTask();
        await gate.Waiting;
        var close = storage.DisposeAsync().AsTask();
        var fenced = store.OpenReplicaAsync();
        var latest = store.OpenReplicaAsync();
        hold.Dispose();

        await Task.WhenAll(blocks, close);
        await Assert.ThrowsAsync<FencedException>(async () => await (await fenced).ConfirmEpochAsync());
        Assert.Equal(new Epoch(3), (await latest).Epoch);
        await (await latest).WriteAsync(RocksDbTestStore.Append(1, 1));
    }
}
