using MultiDc.Raft;

namespace MultiDc.Storage.Tests;

public sealed class DiskSpaceTests : IDisposable
{
    private const long MiB = 1024 * 1024;

    private readonly TemporaryFolder folders = new();

    public void Dispose() => folders.Dispose();

    [Fact]
    public async Task What_a_log_is_compacted_by_is_off_the_disk()
    {
        var folder = folders.New();
        await using var store = await OpenAsync(folder);
        var storage = await store.OpenReplicaAsync();
        const ulong entries = 640;
        for (var index = 1UL; index <= entries; index++)
        {
            await storage.WriteAsync(Append(index));
        }

        var grown = BytesIn(folder);
        Assert.True(grown >= 40 * MiB, $"{grown} bytes hold 40 MiB of entries");
        await CompactAsync(storage, entries - 10);
        await store.Reclaiming;

        var left = BytesIn(folder);
        Assert.True(left < 8 * MiB, $"{left} bytes are left of {grown}");
        Assert.Equal(10, (await store.OpenReplicaAsync()).Recovered.Entries.Count);
    }

    [Fact]
    public async Task A_log_that_is_always_appended_to_and_compacted_keeps_its_size()
    {
        var folder = folders.New();
        await using var store = await OpenAsync(folder);
        var storage = await store.OpenReplicaAsync();
        var largest = 0L;
        for (var index = 1UL; index <= 2000; index++)
        {
            await storage.WriteAsync(Append(index));
            if (index % 50 == 0)
            {
                await CompactAsync(storage, index - 20);
                largest = Math.Max(largest, BytesIn(folder));
            }
        }

        // 125 MiB went through. Live are 4 MiB at most; beyond that the write-ahead log, and what waits to be reclaimed.
        Assert.True(largest < 40 * MiB, $"grew to {largest} bytes");
        await store.Reclaiming;
    }

    private static Task<RocksDbReplicaStore> OpenAsync(string folder) => RocksDbReplicaStore.OpenAsync(
        RocksDbTestStore.Options(folder) with { ReclaimLogBytes = 4 * MiB, MaxWalBytes = 8 * MiB });

    private static ReplicaWrite Append(ulong index)
    {
        // Nothing that could be compressed.
        var payload = new byte[64 * 1024];
        new Random((int)index).NextBytes(payload);
        return new() { Entries = [new(new EntryId(new Term(1), new LogIndex(index)), EntryKind.Command, payload)] };
    }

    private static async Task CompactAsync(IReplicaStorage storage, ulong to)
    {
        await storage.State.ApplyAsync(RocksDbTestStore.Put("a", $"{to}"), new LogIndex(to));
        await storage.State.FlushAsync();
        await storage.CompactToAsync(new SnapshotMetadata(new EntryId(new Term(1), new LogIndex(to)), RocksDbTestStore.Founding.Configuration));
    }

    private static long BytesIn(string folder)
    {
        var bytes = 0L;
        foreach (var file in new DirectoryInfo(folder).EnumerateFiles())
        {
            try
            {
                bytes += file.Length;
            }
            catch (FileNotFoundException)
            {
                // Just deleted.
            }
        }

        return bytes;
    }
}
