using MultiDc.Raft;

namespace MultiDc.Storage.Tests;

public sealed class MemoryDiskTests
{
    private readonly MemoryDisk disk = new(new StoreIdentity("test", Guid.Parse("5f0c7f3e-2b9c-4f58-9a63-51bd0a4bb1c1")));

    [Fact]
    public async Task Two_stores_on_one_disk_fence_each_other()
    {
        await using var one = new MemoryReplicaStore(disk);
        await using var other = new MemoryReplicaStore(disk);
        var old = await one.OpenReplicaAsync();
        await old.WriteAsync(RocksDbTestStore.Append(1, 2));
        await old.State.ApplyAsync(RocksDbTestStore.Put("a", "1"), new LogIndex(1));
        var latest = await other.OpenReplicaAsync();

        Assert.Equal(one.Identity, other.Identity);
        Assert.Equal(new LogIndex(1), latest.Recovered.Applied);
        await Assert.ThrowsAsync<FencedException>(async () => await old.WriteAsync(RocksDbTestStore.Append(3, 3)));
        await Assert.ThrowsAsync<FencedException>(async () => await old.ConfirmEpochAsync());
        await latest.WriteAsync(RocksDbTestStore.Append(3, 3));
    }

    [Fact]
    public async Task A_crash_loses_what_was_accepted_and_not_flushed()
    {
        var store = new MemoryReplicaStore(disk);
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 1));
        using var hold = disk.HoldFlushes();
        Task[] writes = [.. Enumerable.Range(2, 4).Select(i => storage.WriteAsync(RocksDbTestStore.Append((ulong)i, (ulong)i)).AsTask())];
        Assert.Equal(4, disk.PendingCount);
        disk.Crash(survivingWrites: 2);
        hold.Dispose();

        foreach (var write in writes)
        {
            await Assert.ThrowsAsync<StoreFailedException>(() => write);
        }

        Assert.Equal(StoreHealth.Failed, store.Health);
        await Assert.ThrowsAsync<StoreFailedException>(async () => await storage.WriteAsync(RocksDbTestStore.Append(2, 2)));
        Assert.Equal(3, (await new MemoryReplicaStore(disk).OpenReplicaAsync()).Recovered.Entries.Count);
    }

    [Fact]
    public async Task A_failed_flush_fails_the_store_and_loses_its_writes()
    {
        var store = new MemoryReplicaStore(disk);
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 1));
        disk.FailNextFlush();

        await Assert.ThrowsAsync<StoreFailedException>(async () => await storage.WriteAsync(RocksDbTestStore.Append(2, 2)));
        await Assert.ThrowsAsync<StoreFailedException>(async () => await storage.WriteAsync(RocksDbTestStore.Append(2, 2)));
        Assert.Equal(StoreHealth.Failed, store.Health);

        await using var restarted = new MemoryReplicaStore(disk);
        Assert.Single((await restarted.OpenReplicaAsync()).Recovered.Entries);
        Assert.Equal(StoreHealth.Ok, restarted.Health);
    }

    [Fact]
    public async Task A_full_disk_refuses_writes_and_reads_go_on()
    {
        await using var store = new MemoryReplicaStore(disk);
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 1));
        disk.IsFull = true;

        Assert.Equal(StoreHealth.ReadOnly, store.Health);
        await Assert.ThrowsAsync<StoreFullException>(async () => await storage.WriteAsync(RocksDbTestStore.Append(2, 2)));
        await Assert.ThrowsAsync<StoreFullException>(async () => await store.OpenReplicaAsync(new ReplicaName("new")));
        await Assert.ThrowsAsync<StoreFullException>(async () => await store.AddRecordAsync("key", default));
        await storage.WriteAsync(new ReplicaWrite());
        await storage.State.ApplyAsync(new StateBatch(), new LogIndex(1));
        storage = await store.OpenReplicaAsync();
        disk.IsFull = false;
        await storage.WriteAsync(RocksDbTestStore.Append(2, 2));
    }
}
