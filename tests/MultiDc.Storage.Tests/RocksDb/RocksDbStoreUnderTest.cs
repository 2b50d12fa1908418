using MultiDc.Testing.Storage;

namespace MultiDc.Storage.Tests;

/// <summary>
/// A RocksDB store in a temporary folder. A crash is the folder's files as they are, copied while the store is open: what a killed
/// process leaves.
/// </summary>
internal sealed class RocksDbStoreUnderTest : StoreUnderTest
{
    private readonly TemporaryFolder folders = new();
    private CommitGate gate = new();
    private RocksDbReplicaStore store = null!;
    private string folder;

    private RocksDbStoreUnderTest() => folder = folders.New();

    public override IReplicaStore Store => store;

    public override int Commits => gate.Commits;

    public static async Task<StoreUnderTest> CreateAsync()
    {
        var underTest = new RocksDbStoreUnderTest();
        await underTest.OpenAsync();
        return underTest;
    }

    public override async Task ReopenAsync()
    {
        await store.DisposeAsync();
        await OpenAsync();
    }

    public override async Task CrashAsync()
    {
        var image = folders.New();
        CrashImage.Take(store, folder, image);
        gate.Open();
        await store.DisposeAsync();
        folder = image;
        await OpenAsync();
    }

    public override async Task<IReplicaStore> OpenSecondAsync() => await RocksDbTestStore.OpenAsync(folder);

    public override IDisposable HoldCommits() => gate.Hold();

    public override async ValueTask DisposeAsync()
    {
        gate.Open();
        await store.DisposeAsync();
        folders.Dispose();
    }

    private async Task OpenAsync()
    {
        gate = new CommitGate();
        store = await RocksDbReplicaStore.OpenAsync(new RocksDbReplicaStoreOptions
        {
            Folder = folder,
            ClusterId = "test",
            CacheBytes = 16 * 1024 * 1024,
            WriteBufferBytes = 8 * 1024 * 1024,
            FreeSpaceProbe = () => long.MaxValue,
            BeforeCommit = gate.Pass,
        });
    }
}

public sealed class RocksDbReplicaStoreConformance : ReplicaStoreConformance
{
    protected override Task<StoreUnderTest> CreateAsync() => RocksDbStoreUnderTest.CreateAsync();
}
