using MultiDc.Testing.Storage;

namespace MultiDc.Storage.Tests;

internal sealed class MemoryStoreUnderTest : StoreUnderTest
{
    private readonly MemoryDisk disk = new(new StoreIdentity("test", Guid.Parse("5f0c7f3e-2b9c-4f58-9a63-51bd0a4bb1c1")));
    private MemoryReplicaStore store;

    public MemoryStoreUnderTest() => store = new MemoryReplicaStore(disk);

    public override IReplicaStore Store => store;

    public override int Commits => disk.FlushCount;

    public override async Task ReopenAsync()
    {
        await store.DisposeAsync();
        store = new MemoryReplicaStore(disk);
    }

    public override Task CrashAsync()
    {
        disk.Crash();
        store = new MemoryReplicaStore(disk);
        return Task.CompletedTask;
    }

    public override Task<IReplicaStore> OpenSecondAsync() => Task.FromResult<IReplicaStore>(new MemoryReplicaStore(disk));

    public override IDisposable HoldCommits() => disk.HoldFlushes();

    public override ValueTask DisposeAsync() => store.DisposeAsync();
}

public sealed class MemoryReplicaStoreConformance : ReplicaStoreConformance
{
    protected override Task<StoreUnderTest> CreateAsync() => Task.FromResult<StoreUnderTest>(new MemoryStoreUnderTest());
}
