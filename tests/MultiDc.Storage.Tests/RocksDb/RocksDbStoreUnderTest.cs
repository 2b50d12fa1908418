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

    private readonly Writer? writer;

    private RocksDbStoreUnderTest(Writer? writer)
    {
        this.writer = writer;
        folder = folders.New();
    }

    public override IReplicaStore Store => store;

    public override int Commits => gate.Commits;

    /// <param name="writersCommit">Whether every other write is left to a thread beside the store's.</param>
    public static async Task<StoreUnderTest> CreateAsync(bool writersCommit = false)
    {
        var underTest = new RocksDbStoreUnderTest(writersCommit ? new() : null);
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
        writer?.Dispose();
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

            // The one with all applied rows in memory until somebody needs them, the other with hardly any.
            MaxAppliedBytes = writer is null ? 16 * 1024 * 1024 : 200,
            BeforeCommit = gate.Pass,
        });
        writer?.Attach(store);
    }

    /// <summary>A thread that commits what it is left.</summary>
    private sealed class Writer : IDisposable
    {
        private readonly AutoResetEvent left = new(initialState: false);
        private readonly Thread thread;
        private volatile RocksDbReplicaStore? store;
        private volatile bool isStopping;
        private int asked;

        public Writer()
        {
            thread = new Thread(Run) { IsBackground = true };
            thread.Start();
        }

        public void Attach(RocksDbReplicaStore opened)
        {
            store = opened;
            opened.CommitsHere = IsLeft;
        }

        public void Dispose()
        {
            isStopping = true;
            left.Set();
            thread.Join();
            left.Dispose();
        }

        private bool IsLeft()
        {
            if (isStopping || Interlocked.Increment(ref asked) % 2 == 0)
            {
                return false;
            }

            left.Set();
            return true;
        }

        private void Run()
        {
            while (!isStopping)
            {
                left.WaitOne();
                while (store?.CommitWaiting() == true)
                {
                }
            }
        }
    }
}

public sealed class RocksDbReplicaStoreConformance : ReplicaStoreConformance
{
    protected override Task<StoreUnderTest> CreateAsync() => RocksDbStoreUnderTest.CreateAsync();
}
