using MultiDc.Raft;

namespace MultiDc.Storage.Tests;

/// <summary>What erasing a replica leaves in the folder, also when the process is killed in the middle of it.</summary>
public sealed class ErasureTests : IDisposable
{
    private const string Row = "a";

    private readonly TemporaryFolder folders = new();

    public void Dispose() => folders.Dispose();

    /// <summary>The rows are dropped past the write-ahead log: a crash brings them back, and nobody may take them for the state.</summary>
    [Fact]
    public async Task A_kill_after_the_log_is_gone_and_before_the_rows_are_leaves_a_replica_without_either()
    {
        var (folder, image) = (folders.New(), folders.New());
        RocksDbReplicaStore? erasing = null;
        var store = await RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folder) with
        {
            BeforeStateFlush = () =>
            {
                if (Interlocked.Exchange(ref erasing, null) is { } taken)
                {
                    CrashImage.Take(taken, folder, image);
                }
            },
        });
        await using (store)
        {
            await FillAsync(store, 3, "1");
            erasing = store;
            await store.EraseAsync(RocksDbTestStore.Shard);
            Assert.Null(erasing);
        }

        await using var killed = await RocksDbTestStore.OpenAsync(image);
        var opened = await killed.OpenReplicaAsync();
        Assert.Empty(opened.Recovered.Entries);
        Assert.Equal(default, opened.Recovered.Applied);
        Assert.Null(await opened.State.GetAsync(System.Text.Encoding.UTF8.GetBytes(Row)));
    }

    [Fact]
    public async Task The_space_comes_back()
    {
        var folder = folders.New();
        await using var store = await RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folder) with { ReclaimLogBytes = 1 });
        await FillAsync(store, 20, Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(300_000)));
        var before = TablesOf(folder);
        Assert.True(before > 4_000_000, $"{before} bytes");

        await store.EraseAsync(RocksDbTestStore.Shard);
        await store.Reclaiming;

        Assert.True(TablesOf(folder) < before / 10, $"{TablesOf(folder)} of {before} bytes");
    }

    private static async Task FillAsync(RocksDbReplicaStore store, ulong rows, string value)
    {
        await using var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, rows));
        for (var index = 1UL; index <= rows; index++)
        {
            await storage.State.ApplyAsync(RocksDbTestStore.Put(index == rows ? Row : $"{Row}{index}", value), new LogIndex(index));
        }

        await storage.State.FlushAsync();
    }

    private static long TablesOf(string folder) => Directory.GetFiles(folder, "*.sst").Sum(static file => new FileInfo(file).Length);
}
