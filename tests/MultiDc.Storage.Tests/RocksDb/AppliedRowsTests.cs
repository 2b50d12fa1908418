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

    [Fact]
    public async Task Replicas_that_apply_much_at_once_and_fall_silent_keep_no_more_in_memory_than_they_may()
    {
        const int Replicas = 20;
        const long MaxBytes = 100_000;
        await using var store = await RocksDbReplicaStore.OpenAsync(new() { Folder = folders.New(), ClusterId = "test", MaxAppliedBytes = MaxBytes });
        for (var replica = 0; replica < Replicas; replica++)
        {
            var storage = await store.OpenReplicaAsync(new($"orders/{replica}@east"));
            await storage.WriteAsync(RocksDbTestStore.Append(1, 1));
            await storage.State.ApplyAsync(RocksDbTestStore.Put("a", new string('v', 500_000)), new LogIndex(1));
        }

        Assert.InRange(store.AppliedRows.HeldBytes, 0, MaxBytes + (Replicas * store.AppliedRows.LeastBytesOfOne));
    }

    [Fact]
    public async Task What_was_handed_over_lately_is_known_without_a_search()
    {
        await using var store = await RocksDbTestStore.OpenAsync(folders.New());
        var storage = await store.OpenReplicaAsync();
        var rows = ((RocksDbReplicaState)storage.State).Rows;
        await storage.WriteAsync(RocksDbTestStore.Append(1, 4));
        await storage.State.ApplyAsync(RocksDbTestStore.Put("a", "1"), new LogIndex(1));
        await storage.State.ApplyAsync(RocksDbTestStore.Put("b", "1"), new LogIndex(2));
        await storage.State.FlushAsync();
        Assert.Equal("1", Known("a"));
        await storage.State.ApplyAsync(RocksDbTestStore.Put("a", "2"), new LogIndex(3));
        Assert.Equal(("2", "1"), (Known("a"), Known("b")));
        var deletion = new StateBatch();
        deletion.Changes.Add(("b"u8.ToArray(), null));
        await storage.State.ApplyAsync(deletion, new LogIndex(4));
        await storage.State.FlushAsync();
        Assert.Equal(("2", "deleted", "unknown"), (Known("a"), Known("b"), Known("c")));
        Assert.Null(await TextAsync(storage.State, "b"));
        await storage.DisposeAsync();
        Assert.Equal(0, store.AppliedRows.HandedOverBytes);

        string Known(string key) => !rows.TryGet(Encoding.UTF8.GetBytes(key), out var value) ? "unknown" : value is { } bytes ? Encoding.UTF8.GetString(bytes.Span) : "deleted";
    }

    [Fact]
    public async Task Of_what_was_handed_over_as_much_is_kept_as_may_be_and_the_latest()
    {
        const long MaxBytes = 100_000;
        await using var store = await RocksDbReplicaStore.OpenAsync(new() { Folder = folders.New(), ClusterId = "test", MaxAppliedBytes = MaxBytes });
        var storages = new List<IReplicaStorage>();
        for (var replica = 0; replica < 5; replica++)
        {
            var storage = await store.OpenReplicaAsync(new($"orders/{replica}@east"));
            storages.Add(storage);
            await storage.WriteAsync(RocksDbTestStore.Append(1, 30));
            for (var index = 1UL; index <= 25; index++)
            {
                await storage.State.ApplyAsync(RocksDbTestStore.Put($"{index}", new string('v', 1000)), new LogIndex(index));
            }

            await storage.State.FlushAsync();
            Assert.InRange(store.AppliedRows.HandedOverBytes, 25_000, MaxBytes);
        }

        Assert.Equal([false, false, true, true, true], storages.Select(static storage => Knows(storage, "25")));
        Assert.Equal(new string('v', 1000), await TextAsync(storages[0].State, "25"));

        // One that has more than all may keep has the latest.
        await storages[0].WriteAsync(RocksDbTestStore.Append(31, 280));
        for (var index = 31UL; index <= 280; index++)
        {
            await storages[0].State.ApplyAsync(RocksDbTestStore.Put($"{index}", new string('v', 1000)), new LogIndex(index));
        }

        await storages[0].State.FlushAsync();
        Assert.InRange(store.AppliedRows.HandedOverBytes, 1_000, MaxBytes);
        Assert.Equal((false, true), (Knows(storages[0], "31"), Knows(storages[0], "280")));
        Assert.Equal(new string('v', 1000), await TextAsync(storages[0].State, "31"));

        static bool Knows(IReplicaStorage storage, string key) => ((RocksDbReplicaState)storage.State).Rows.TryGet(Encoding.UTF8.GetBytes(key), out _);
    }

    [Fact]
    public async Task A_table_that_was_large_once_is_given_back_with_the_next_flush()
    {
        await using var store = await RocksDbTestStore.OpenAsync(folders.New());
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 2));
        var batch = new StateBatch();
        for (var row = 0; row < 5000; row++)
        {
            batch.Changes.Add((Encoding.UTF8.GetBytes($"{row}"), Encoding.UTF8.GetBytes("v")));
        }

        await storage.State.ApplyAsync(batch, new LogIndex(1));
        var rows = ((RocksDbReplicaState)storage.State).Rows;
        Assert.InRange(rows.Capacity, 5000, 20_000);
        await storage.State.FlushAsync();
        Assert.InRange(rows.Capacity, 0, 10);

        await storage.State.ApplyAsync(RocksDbTestStore.Put("4999", "w"), new LogIndex(2));
        Assert.Equal(("v", "w"), (await TextAsync(storage.State, "4998"), await TextAsync(storage.State, "4999")));
    }

    [Fact]
    public async Task Rows_that_wait_take_the_place_of_those_that_a_view_reads()
    {
        await using var store = await RocksDbTestStore.OpenAsync(folders.New());
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 1));
        var random = new Random(1);
        var model = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var batch = new StateBatch();
        foreach (var row in Enumerable.Range(0, 1000).Where(_ => random.Next(3) > 0))
        {
            model[$"{row:D4}"] = "written";
            batch.Changes.Add((Encoding.UTF8.GetBytes($"{row:D4}"), "written"u8.ToArray()));
        }

        await storage.State.ApplyAsync(batch, new LogIndex(1));
        await storage.State.FlushAsync();
        var waiting = new AppliedRows(store.AppliedRows);
        batch = new();
        foreach (var row in Enumerable.Range(0, 1000).Where(_ => random.Next(4) == 0))
        {
            var isDeleted = random.Next(2) == 0;
            batch.Changes.Add((Encoding.UTF8.GetBytes($"{row:D4}"), isDeleted ? (ReadOnlyMemory<byte>?)null : "waiting"u8.ToArray()));
            _ = isDeleted ? model.Remove($"{row:D4}") : (model[$"{row:D4}"] = "waiting") is not null;
        }

        waiting.Add(batch);
        var slot = new ReplicaSlot(0, RocksDbTestStore.Shard, storage.Epoch.Value, 1);
        using var view = new RocksDbStateView(slot, 1, new LogIndex(1), store.Database, store.Database.TakeSnapshot(), waiting.InOrder());
        for (var i = 0; i < 200; i++)
        {
            var (from, to) = ($"{random.Next(-1, 1001):D4}", i == 0 ? null : $"{random.Next(1001):D4}");
            var expected = model.Where(row => string.CompareOrdinal(row.Key, from) >= 0 && (to is null || string.CompareOrdinal(row.Key, to) < 0));
            var read = view.ScanAsync(Encoding.UTF8.GetBytes(from), to is null ? (ReadOnlyMemory<byte>?)null : Encoding.UTF8.GetBytes(to)).ToBlockingEnumerable();
            Assert.Equal(expected, read.Select(static row => KeyValuePair.Create(Encoding.UTF8.GetString(row.Key.Span), Encoding.UTF8.GetString(row.Value.Span))));
            Assert.Equal(model.GetValueOrDefault(from), await view.GetAsync(Encoding.UTF8.GetBytes(from)) is { } value ? Encoding.UTF8.GetString(value.Span) : null);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(300)]
    [InlineData(3000)]
    [InlineData(16 * 1024 * 1024)]
    public async Task Whoever_reads_beside_the_writer_sees_time_go_forward_and_whole_batches_in_views(long maxBytes)
    {
        const ulong Last = 4000;
        var handedOver = 0;
        await using var store = await RocksDbReplicaStore.OpenAsync(
            RocksDbTestStore.Options(folders.New()) with { MaxAppliedBytes = maxBytes, BeforeRowsWrite = () => Interlocked.Increment(ref handedOver) });
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, Last));
        var ended = 0;

        // Views and flushes come every few batches, or nothing would ever wait in memory.
        using var view = new SemaphoreSlim(0);
        using var flush = new SemaphoreSlim(0);
        Task[] readers =
        [
            Task.Run(async () =>
            {
                for (var (seen, i) = (0UL, 0); Volatile.Read(ref ended) == 0; i++)
                {
                    var atLeast = storage.State.Applied.Value;
                    var read = await NumberAsync(storage.State.GetAsync, i % 2 == 0 ? "first" : "second");
                    Assert.True(read >= atLeast && read >= seen, $"{read} was read after {seen}, when {atLeast} was applied");
                    seen = read;
                }
            }),
            Task.Run(async () =>
            {
                for (var seen = 0UL; Volatile.Read(ref ended) == 0;)
                {
                    await view.WaitAsync();
                    using var opened = storage.State.OpenView();
                    Assert.True(opened.Applied.Value >= seen);
                    seen = opened.Applied.Value;
                    Assert.Equal((seen, seen), (await NumberAsync(opened.GetAsync, "first"), await NumberAsync(opened.GetAsync, "second")));
                    Assert.Equal(seen == 0 ? 0 : 3, opened.ScanAsync(ReadOnlyMemory<byte>.Empty, null).ToBlockingEnumerable().Count());
                }
            }),
            Task.Run(async () =>
            {
                while (Volatile.Read(ref ended) == 0)
                {
                    await flush.WaitAsync();
                    var applied = storage.State.Applied;
                    await storage.State.FlushAsync();
                    Assert.True(storage.State.DurableApplied >= applied, "a flush has all that was applied before");
                }
            }),
        ];
        for (var index = 1UL; index <= Last; index++)
        {
            var batch = new StateBatch();
            batch.Changes.Add(("first"u8.ToArray(), Encoding.UTF8.GetBytes($"{index}")));
            batch.Changes.Add((Encoding.UTF8.GetBytes($"only {index}"), "1"u8.ToArray()));
            batch.Changes.Add((Encoding.UTF8.GetBytes($"only {index - 1}"), null));
            batch.Changes.Add(("second"u8.ToArray(), Encoding.UTF8.GetBytes($"{index}")));
            await storage.State.ApplyAsync(batch, new LogIndex(index));
            if (index % 10 == 0)
            {
                view.Release();
                flush.Release();
            }
        }

        Volatile.Write(ref ended, 1);
        view.Release();
        flush.Release();
        await Task.WhenAll(readers);

        // Where there is no room for two batches whoever applies writes; where there is for all the flushes do.
        Assert.Equal(maxBytes == 3000, Volatile.Read(ref handedOver) > 0);
    }

    [Fact]
    public async Task Whoever_applies_does_not_wait_while_others_are_written()
    {
        var writing = new CommitGate();
        await using var store = await RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folders.New()) with { BeforeRowsWrite = () => writing.Pass(0) });
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 3));
        using var held = writing.Hold();
        await storage.State.ApplyAsync(Many(store.AppliedRows.MaxBytesOfOne, "a", "1"), new LogIndex(1));
        await writing.Waiting;

        // Frozen rows are found, and newer ones before them; a deletion hides them.
        await storage.State.ApplyAsync(RocksDbTestStore.Put("a0000", "2"), new LogIndex(2));
        var deletion = new StateBatch();
        deletion.Changes.Add(("a0001"u8.ToArray(), null));
        await storage.State.ApplyAsync(deletion, new LogIndex(3));
        Assert.Equal(("2", null, "1"), (await FirstAsync(storage.State, "a0000"), await FirstAsync(storage.State, "a0001"), await FirstAsync(storage.State, "a0002")));
        Assert.True(store.AppliedRows.HeldBytes > store.AppliedRows.MaxBytesOfOne);
        writing.Open();
        await storage.State.FlushAsync();
        Assert.Equal((3UL, 0L), (storage.State.DurableApplied.Value, store.AppliedRows.HeldBytes));
        using var view = storage.State.OpenView();
        Assert.Equal(
            ["2", "1"], view.ScanAsync("a"u8.ToArray(), "a0003"u8.ToArray()).ToBlockingEnumerable().Select(static row => Encoding.UTF8.GetString(row.Value.Span[..1])));
    }

    [Fact]
    public async Task Rows_that_the_writer_does_not_come_to_are_written_by_whoever_applies()
    {
        var writing = new CommitGate();
        await using var store = await RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folders.New()) with { BeforeRowsWrite = () => writing.Pass(0) });
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 4));
        using var held = writing.Hold();
        await storage.State.ApplyAsync(Many(store.AppliedRows.MaxBytesOfOne, "a", "1"), new LogIndex(1));
        await writing.Waiting;
        await storage.State.ApplyAsync(Many(store.AppliedRows.MaxBytesOfOne, "a", "2"), new LogIndex(2));
        Assert.Equal(0, store.AppliedRows.HeldBytes);
        await storage.State.ApplyAsync(Many(store.AppliedRows.MaxBytesOfOne, "b", "3"), new LogIndex(3));
        using (var view = storage.State.OpenView())
        {
            Assert.Equal(
                ("2", "3"),
                (Encoding.UTF8.GetString((await view.GetAsync("a0000"u8.ToArray()))!.Value.Span[..1]), Encoding.UTF8.GetString((await view.GetAsync("b0000"u8.ToArray()))!.Value.Span[..1])));
        }

        writing.Open();
        await storage.State.FlushAsync();
        Assert.Equal(("2", "3"), (await FirstAsync(storage.State, "a0000"), await FirstAsync(storage.State, "b0000")));
    }

    [Fact]
    public async Task What_a_fenced_opening_has_frozen_is_not_written_over_its_successors_rows()
    {
        var writer = new HeldWriter();
        await using var store = await RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folders.New()) with { BeforeRowsWrite = writer.Come });
        var fenced = await store.OpenReplicaAsync();
        await fenced.WriteAsync(RocksDbTestStore.Append(1, 2));
        using var held = writer.Hold();
        await fenced.State.ApplyAsync(Many(store.AppliedRows.MaxBytesOfOne, "a", "1"), new LogIndex(1));
        await writer.ComesAsync();

        var next = await store.OpenReplicaAsync();
        Assert.Equal(0UL, next.Recovered.Applied.Value);
        await next.State.ApplyAsync(RocksDbTestStore.Put("a0000", "2"), new LogIndex(2));
        await next.State.FlushAsync();
        await writer.GoOnAsync(store);
        await next.DisposeAsync();
        var last = await store.OpenReplicaAsync();
        Assert.Equal((2UL, "2", null), (last.Recovered.Applied.Value, await FirstAsync(last.State, "a0000"), await FirstAsync(last.State, "a0001")));
    }

    [Fact]
    public async Task Frozen_rows_are_written_with_the_applied_index_of_then()
    {
        var writer = new HeldWriter();
        await using var store = await RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folders.New()) with { BeforeRowsWrite = writer.Come });
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 2));
        using var held = writer.Hold();
        await storage.State.ApplyAsync(Many(store.AppliedRows.MaxBytesOfOne, "a", "1"), new LogIndex(1));
        await writer.ComesAsync();
        await storage.State.ApplyAsync(RocksDbTestStore.Put("b", "2"), new LogIndex(2));
        await writer.GoOnAsync(store);

        // As after a crash, what was not written is gone, and to be applied again.
        var next = await store.OpenReplicaAsync();
        Assert.Equal((1UL, "1", null), (next.Recovered.Applied.Value, await FirstAsync(next.State, "a0000"), await FirstAsync(next.State, "b")));
    }

    [Fact]
    public async Task Whoever_reads_beside_an_install_sees_time_go_forward()
    {
        const ulong Installs = 300;
        await using var store = await RocksDbTestStore.OpenAsync(folders.New());
        var storage = await store.OpenReplicaAsync();
        var ended = 0;
        var reader = Task.Run(async () =>
        {
            for (var seen = 0UL; Volatile.Read(ref ended) == 0;)
            {
                var read = await NumberAsync(storage.State.GetAsync, "a");
                Assert.True(read >= seen, $"{read} was read after {seen}");
                seen = read;
            }
        });
        for (var i = 0UL; i < Installs && !reader.IsCompleted; i++)
        {
            // One that RocksDB has and that is known from before, a newer one in memory, and the newest in the snapshot.
            var index = (3 * i) + 1;
            await storage.WriteAsync(RocksDbTestStore.Append(index, index + 1));
            await storage.State.ApplyAsync(RocksDbTestStore.Put("a", $"{index}"), new LogIndex(index));
            await storage.State.FlushAsync();
            await storage.State.ApplyAsync(RocksDbTestStore.Put("a", $"{index + 1}"), new LogIndex(index + 1));
            var staged = await storage.State.StageAsync(new(new(new Term(1), new LogIndex(index + 2)), RocksDbTestStore.Founding.Configuration));
            await staged.AddAsync([new("a"u8.ToArray(), Encoding.UTF8.GetBytes($"{index + 2}"))]);
            await storage.WriteAsync(new() { Install = staged });
        }

        Volatile.Write(ref ended, 1);
        await reader;
        Assert.Equal(3 * Installs, await NumberAsync(storage.State.GetAsync, "a"));
    }

    [Fact]
    public void Of_frozen_rows_and_those_beside_them_the_newer_are_told_in_order()
    {
        var rows = new AppliedRows(new(long.MaxValue));
        rows.Add(RocksDbTestStore.Put("b", "1"));
        rows.Add(RocksDbTestStore.Put("a", "1"));
        rows.Freeze(2);
        rows.Add(RocksDbTestStore.Put("c", "2"));
        rows.Add(RocksDbTestStore.Put("b", "2"));
        Assert.Equal(["a1", "b2", "c2"], Told(rows.InOrder()));
        Assert.Equal(["a1", "b1"], Told(rows.FrozenInOrder()));
        rows.HandOver();
        Assert.Equal(["b2", "c2"], Told(rows.InOrder()));
        Assert.True(rows.TryGet("a"u8.ToArray(), out _));

        static IEnumerable<string> Told(KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?>[] told) =>
            told.Select(static row => Encoding.UTF8.GetString(row.Key.Span) + Encoding.UTF8.GetString(row.Value!.Value.Span));
    }

    // Values of 4 KiB that begin with the text.
    private static StateBatch Many(long bytes, string prefix, string text)
    {
        var batch = new StateBatch();
        for (var row = 0; row * 4096L < bytes; row++)
        {
            batch.Changes.Add((Encoding.UTF8.GetBytes($"{prefix}{row:D4}"), Encoding.UTF8.GetBytes(text.PadRight(4096))));
        }

        return batch;
    }

    private static async Task<string?> FirstAsync(IReplicaState state, string key) => (await TextAsync(state, key))?[..1];

    private static async Task<ulong> NumberAsync(Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<ReadOnlyMemory<byte>?>> get, string key) =>
        await get(Encoding.UTF8.GetBytes(key), default) is { } value ? ulong.Parse(value.Span, System.Globalization.CultureInfo.InvariantCulture) : 0;

    private static async Task<string?> TextAsync(IReplicaState state, string key) =>
        await state.GetAsync(Encoding.UTF8.GetBytes(key)) is { } value ? Encoding.UTF8.GetString(value.Span) : null;

    /// <summary>Holds the thread that hands rows to RocksDB.</summary>
    private sealed class HeldWriter
    {
        private readonly CommitGate gate = new();
        private readonly SemaphoreSlim came = new(0);

        public IDisposable Hold() => gate.Hold();

        public void Come()
        {
            came.Release();
            gate.Pass(0);
        }

        public Task ComesAsync() => came.WaitAsync();

        /// <summary>Returns when it has done with what it was held at: then it comes to another's.</summary>
        public async Task GoOnAsync(RocksDbReplicaStore store)
        {
            gate.Open();
            var other = await store.OpenReplicaAsync(new("orders/2@east"));
            await other.WriteAsync(RocksDbTestStore.Append(1, 1));
            await other.State.ApplyAsync(Many(store.AppliedRows.MaxBytesOfOne, "a", "1"), new LogIndex(1));
            await ComesAsync();
        }
    }
}
