using MultiDc.Testing.Storage;

namespace MultiDc.Storage.Tests;

/// <summary>Writers that commit on threads of their own, beside the store's.</summary>
public sealed class WriterCommitsTests : IDisposable
{
    private readonly TemporaryFolder folders = new();
    private readonly CommitGate commits = new();
    private readonly CommitGate syncs = new();
    private volatile bool isWriter;

    public void Dispose() => folders.Dispose();

    [Fact]
    public async Task What_a_writer_has_written_waits_for_it_and_is_one_commit()
    {
        await using var store = await OpenAsync();
        var storage = await store.OpenReplicaAsync();
        BeginToWrite(store);
        var (before, beforeSyncs) = (commits.Commits, syncs.Commits);
        Task[] writes = [.. Enumerable.Range(1, 10).Select(i => storage.WriteAsync(RocksDbTestStore.Append((ulong)i, (ulong)i)).AsTask())];
        Assert.Equal(10, store.QueuedWrites);
        Assert.Equal(before, commits.Commits);

        Assert.True(store.CommitWaiting());
        Assert.All(writes, static write => Assert.True(write.IsCompletedSuccessfully));
        Assert.Equal((before + 1, beforeSyncs + 1), (commits.Commits, syncs.Commits));
        Assert.False(store.CommitWaiting());
        isWriter = false;
    }

    [Fact]
    public async Task The_stores_own_thread_commits_for_whoever_does_not()
    {
        await using var store = await OpenAsync();
        var storage = await store.OpenReplicaAsync();
        BeginToWrite(store);
        var first = storage.WriteAsync(RocksDbTestStore.Append(1, 1)).AsTask();
        isWriter = false;
        await storage.WriteAsync(RocksDbTestStore.Append(2, 2));
        Assert.True(first.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task What_comes_while_another_commits_is_left_to_him()
    {
        await using var store = await OpenAsync();
        var storage = await store.OpenReplicaAsync();
        var held = syncs.Hold();
        BeginToWrite(store);
        var first = storage.WriteAsync(RocksDbTestStore.Append(1, 1)).AsTask();
        var other = Task.Run(store.CommitWaiting);
        await syncs.Waiting;
        var second = storage.WriteAsync(RocksDbTestStore.Append(2, 2)).AsTask();
        Assert.False(store.CommitWaiting());

        held.Dispose();
        Assert.True(await other);
        Assert.True(first.IsCompletedSuccessfully);
        Assert.True(store.CommitWaiting());
        await second;
        isWriter = false;
    }

    [Fact]
    public async Task What_no_writer_came_to_commit_is_committed_when_the_store_is_closed()
    {
        Task write;
        await using (var store = await OpenAsync())
        {
            var storage = await store.OpenReplicaAsync();
            BeginToWrite(store);
            write = storage.WriteAsync(RocksDbTestStore.Append(1, 1)).AsTask();
        }

        Assert.True(write.IsCompletedSuccessfully);
    }

    private void BeginToWrite(RocksDbReplicaStore store)
    {
        SpinWait.SpinUntil(() => store.CommitterSleeps);
        isWriter = true;
    }

    private async Task<RocksDbReplicaStore> OpenAsync()
    {
        var store = await RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folders.New()) with { BeforeCommit = commits.Pass, BeforeSync = () => syncs.Pass(0) });
        store.CommitsHere = () => isWriter;
        return store;
    }
}

/// <summary>The same contract when every other write is left to a thread beside the store's.</summary>
public sealed class WriterCommitsConformance : ReplicaStoreConformance
{
    protected override Task<StoreUnderTest> CreateAsync() => RocksDbStoreUnderTest.CreateAsync(writersCommit: true);
}
