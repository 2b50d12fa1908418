using System.Text;
using MultiDc.Raft;

namespace MultiDc.Storage.Tests;

public sealed class AppliedRowsTests : IDisposable
{
    private readonly TemporaryFolder folders = new();

    public void Dispose() => folders.Dispose();

    [Fact]
    public async Task What_a_fenced_opening_applied_and_nobody_wrote_is_gone()
    {
        await using var store = await RocksDbTestStore.OpenAsync(folders.New());
        var fenced = await store.OpenReplicaAsync();
        await fenced.WriteAsync(RocksDbTestStore.Append(1, 3));
        await fenced.State.ApplyAsync(RocksDbTestStore.Put("a", "1"), new LogIndex(1));
        await fenced.State.FlushAsync();
        await fenced.State.ApplyAsync(RocksDbTestStore.Put("a", "2"), new LogIndex(2));

        var next = await store.OpenReplicaAsync();
        Assert.Equal((1UL, 3), (next.Recovered.Applied.Value, next.Recovered.Entries.Count));
        Assert.Equal("1", await TextAsync(next.State, "a"));
        await next.State.FlushAsync();
        await fenced.DisposeAsync();
        Assert.Equal("1", await TextAsync(next.State, "a"));
        Assert.Equal(1UL, next.State.DurableApplied.Value);
        await Assert.ThrowsAsync<FencedException>(async () => await fenced.State.GetAsync("a"u8.ToArray()));
        Assert.Equal(0, store.AppliedRows.HeldBytes);
    }

    [Fact]
    public async Task What_was_applied_is_written_when_the_replica_is_closed()
    {
        await using var store = await RocksDbTestStore.OpenAsync(folders.New());
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 2));
        await storage.State.ApplyAsync(RocksDbTestStore.Put("a", "1"), new LogIndex(2));
        Assert.True(store.AppliedRows.HeldBytes > 0);
        await storage.DisposeAsync();
        Assert.Equal(0, store.AppliedRows.HeldBytes);

        var next = await store.OpenReplicaAsync();
        Assert.Equal(2UL, next.Recovered.Applied.Value);
        Assert.Equal("1", await TextAsync(next.State, "a"));
    }

    [Fact]
    public async Task Deletions_that_wait_hide_what_was_written()
    {
        await using var store = await RocksDbTestStore.OpenAsync(folders.New());
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 2));
        await storage.State.ApplyAsync(RocksDbTestStore.Put("a", "1"), new LogIndex(1));
        await storage.State.FlushAsync();
        var deletion = new StateBatch();
        deletion.Changes.Add(("a"u8.ToArray(), null));
        await storage.State.ApplyAsync(deletion, new LogIndex(2));

        Assert.Null(await TextAsync(storage.State, "a"));
        using var view = storage.State.OpenView();
        Assert.Empty(view.ScanAsync(ReadOnlyMemory<byte>.Empty, null).ToBlockingEnumerable());
    }

    [Fact]
    public async Task All_replicas_together_keep_no_more_in_memory_than_they_may()
    {
        const int Replicas = 20;
        const long MaxBytes = 100_000;
        await using var store = await RocksDbReplicaStore.OpenAsync(new() { Folder = folders.New(), ClusterId = "test", MaxAppliedBytes = MaxBytes });
        var storages = new List<IReplicaStorage>();
        for (var replica = 0; replica < Replicas; replica++)
        {
            var storage = await store.OpenReplicaAsync(new($"orders/{replica}@east"));
            await storage.WriteAsync(RocksDbTestStore.Append(1, 60));
            storages.Add(storage);
        }

        var most = 0L;
        for (var index = 1UL; index <= 60; index++)
        {
            foreach (var storage in storages)
            {
                await storage.State.ApplyAsync(RocksDbTestStore.Put($"{index}", new string('v', 1000)), new LogIndex(index));
                most = Math.Max(most, store.AppliedRows.HeldBytes);
            }
        }

        // Rows that are not worth a write stay: at most so many of each.
        Assert.InRange(most, MaxBytes / 2, MaxBytes + (Replicas * (store.AppliedRows.LeastBytesOfOne + 2_000)));
        Assert.Equal(new string('v', 1000), await TextAsync(storages[^1].State, "1"));
        foreach (var storage in storages)
        {
            await storage.DisposeAsync();
        }

        Assert.Equal(0, store.AppliedRows.HeldBytes);
    }

    private static async Task<string?> TextAsync(IReplicaState state, string key) =>
        await state.GetAsync(Encoding.UTF8.GetBytes(key)) is { } value ? Encoding.UTF8.GetString(value.Span) : null;
}
