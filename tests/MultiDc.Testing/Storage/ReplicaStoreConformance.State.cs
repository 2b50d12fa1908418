using MultiDc.Raft;
using MultiDc.Storage;

namespace MultiDc.Testing.Storage;

// The state machine's rows and the applied index that belongs to them.
public abstract partial class ReplicaStoreConformance
{
    [Fact]
    public async Task Rows_are_written_replaced_and_deleted_and_a_later_change_in_a_batch_wins()
    {
        var storage = await OpenWithLogAsync(3);
        await storage.State.ApplyAsync(Batch(("a", "1"), ("b", "1"), ("c", "")), new LogIndex(1));
        await storage.State.ApplyAsync(Batch(("a", "2"), ("b", null), ("d", "x"), ("d", "y"), ("e", "z"), ("e", null)), new LogIndex(3));

        Assert.Equal(new LogIndex(3), storage.State.Applied);
        Assert.Equal("a=2 c= d=y", await AllRowsAsync(storage));
        Assert.Equal("", await ReadAsync(storage.State, "c"));
        Assert.Null(await ReadAsync(storage.State, "b"));
        Assert.Null(await ReadAsync(storage.State, "e"));
    }

    [Fact]
    public async Task Scans_are_in_byte_order_within_their_bounds()
    {
        var storage = await OpenWithLogAsync(1);
        var batch = new StateBatch();
        foreach (var key in new byte[][] { [0xFF, 0xFF], [], [0x00], [0x61], [0x61, 0x00], [0x7F], [0xFF] })
        {
            batch.Changes.Add((key, key));
        }

        await storage.State.ApplyAsync(batch, new LogIndex(1));
        using var view = storage.State.OpenView();

        Assert.Equal(["", "00", "61", "6100", "7F", "FF", "FFFF"], await KeysAsync(view, [], null));
        Assert.Equal(["61", "6100"], await KeysAsync(view, [0x61], [0x7F]));
        Assert.Equal(["6100", "7F", "FF", "FFFF"], await KeysAsync(view, [0x61, 0x00], null));
        Assert.Equal(["", "00"], await KeysAsync(view, [], [0x01]));
        Assert.Empty(await KeysAsync(view, [0x7F], [0x61]));
        Assert.Empty(await KeysAsync(view, [0x61], [0x61]));
    }

    [Fact]
    public async Task A_long_scan_has_every_row_once()
    {
        const int rows = 3000;
        var storage = await OpenWithLogAsync(1);
        var batch = new StateBatch();
        for (var i = 0; i < rows; i++)
        {
            batch.Changes.Add((Bytes($"{i:D6}"), new byte[i % 700]));
        }

        await storage.State.ApplyAsync(batch, new LogIndex(1));
        using var view = storage.State.OpenView();

        var next = 0;
        await foreach (var row in view.ScanAsync(default, null))
        {
            Assert.Equal($"{next:D6}", Text(row.Key));
            Assert.Equal(next++ % 700, row.Value.Length);
        }

        Assert.Equal(rows, next);
    }

    [Fact]
    public async Task Replicas_do_not_see_each_others_rows()
    {
        var one = await OpenWithLogAsync(1);
        var other = await OpenWithLogAsync(1, OtherShard);
        await one.State.ApplyAsync(Batch(("a", "one"), ("z", "one")), new LogIndex(1));
        await other.State.ApplyAsync(Batch(("a", "other"), ("b", "other")), new LogIndex(1));

        Assert.Equal("a=one z=one", await AllRowsAsync(one));
        Assert.Equal("a=other b=other", await AllRowsAsync(other));
    }

    [Fact]
    public async Task A_view_stays_as_it_was_while_the_writer_goes_on()
    {
        var storage = await OpenWithLogAsync(4);
        await storage.State.ApplyAsync(Batch(("a", "1"), ("b", "1")), new LogIndex(1));
        using var view = storage.State.OpenView();
        await storage.State.ApplyAsync(Batch(("a", "2"), ("b", null), ("c", "2")), new LogIndex(4));

        Assert.Equal(new LogIndex(1), view.Applied);
        Assert.Equal("a=1 b=1", await ScanAsync(view));
        Assert.Equal("1", Text((await view.GetAsync(Bytes("a")))!.Value));
        Assert.Null(await view.GetAsync(Bytes("c")));
        Assert.Equal("a=2 c=2", await AllRowsAsync(storage));
    }

    [Fact]
    public async Task A_snapshot_is_read_out_piece_by_piece_while_everything_else_goes_on()
    {
        const int rows = 2500;
        var storage = await OpenWithLogAsync(3);
        var batch = new StateBatch();
        for (var i = 0; i < rows; i++)
        {
            batch.Changes.Add((Bytes($"{i:D6}"), new byte[200]));
        }

        await storage.State.ApplyAsync(batch, new LogIndex(1));
        using var view = storage.State.OpenView();
        var next = 0;
        await foreach (var row in view.ScanAsync(default, null))
        {
            Assert.Equal(($"{next:D6}", 200), (Text(row.Key), row.Value.Length));
            switch (next++)
            {
                case 300:
                    await storage.WriteAsync(new ReplicaWrite { Entries = Entries(4, 6) });
                    await storage.State.ApplyAsync(Batch(("000299", null), ("000301", null), ("002499", "x"), ("zzz", "x")), new LogIndex(5));
                    break;
                case 900:
                    await storage.State.FlushAsync();
                    await storage.CompactToAsync(SnapshotAt(5));
                    break;
                case 1500:
                    await storage.WriteAsync(new ReplicaWrite { Install = await StageAsync(storage, SnapshotAt(20), ("a", "new")) });
                    break;
                case 2000:
                    await (await OpenAsync()).WriteAsync(new ReplicaWrite { Entries = Entries(21, 21) });
                    break;
            }
        }

        Assert.Equal((rows, new LogIndex(1)), (next, view.Applied));
    }

    [Fact]
    public async Task Keys_and_values_have_any_bytes_and_sizes_up_to_a_megabyte()
    {
        var storage = await OpenWithLogAsync(1);
        var random = new Random(3);
        var rows = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var (key, value) in new[] { (0, 0), (1, 1), (255, 256), (1024, 0), (2, 1024 * 1024), (700, 70_000) })
        {
            var bytes = (Key: new byte[key], Value: new byte[value]);
            random.NextBytes(bytes.Key);
            random.NextBytes(bytes.Value);
            rows.Add(Convert.ToHexString(bytes.Key), bytes.Value);
        }

        var batch = new StateBatch();
        batch.Changes.AddRange(rows.Select(row => ((ReadOnlyMemory<byte>)Convert.FromHexString(row.Key), (ReadOnlyMemory<byte>?)row.Value)));
        await storage.State.ApplyAsync(batch, new LogIndex(1));
        await storage.State.FlushAsync();
        await underTest.CrashAsync();

        storage = await OpenAsync();
        using var view = storage.State.OpenView();
        var read = new List<(string, byte[])>();
        await foreach (var row in view.ScanAsync(default, null))
        {
            read.Add((Convert.ToHexString(row.Key.Span), row.Value.ToArray()));
        }

        Assert.Equal(rows.Select(row => (row.Key, row.Value)), read);
    }

    [Fact]
    public async Task A_disposed_view_reads_nothing()
    {
        var storage = await OpenWithLogAsync(1);
        var view = storage.State.OpenView();
        view.Dispose();
        view.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await view.GetAsync(Bytes("a")));
    }

    [Fact]
    public async Task An_entry_is_applied_once_and_only_when_the_log_has_it()
    {
        var storage = await OpenWithLogAsync(5);
        await storage.State.ApplyAsync(Batch(("a", "1")), new LogIndex(3));

        await Assert.ThrowsAsync<RaftInvariantException>(async () => await storage.State.ApplyAsync(Batch(("a", "2")), new LogIndex(3)));
        await Assert.ThrowsAsync<RaftInvariantException>(async () => await storage.State.ApplyAsync(Batch(("a", "2")), new LogIndex(2)));
        await Assert.ThrowsAsync<RaftInvariantException>(async () => await storage.State.ApplyAsync(Batch(("a", "2")), new LogIndex(6)));

        Assert.Equal("a=1", await AllRowsAsync(storage));
        Assert.Equal(new LogIndex(3), storage.State.Applied);
    }

    [Fact]
    public async Task A_crash_takes_rows_and_applied_index_back_together_and_the_log_stays()
    {
        var storage = await OpenWithLogAsync(6);
        await storage.State.ApplyAsync(Batch(("a", "1"), ("b", "1")), new LogIndex(2));
        await storage.State.FlushAsync();
        await storage.State.ApplyAsync(Batch(("a", "2"), ("b", null), ("c", "2")), new LogIndex(5));
        Assert.Equal((new LogIndex(5), new LogIndex(2)), (storage.State.Applied, storage.State.DurableApplied));
        await underTest.CrashAsync();

        storage = await OpenAsync();
        Assert.Equal(new LogIndex(2), storage.Recovered.Applied);
        Assert.Equal((new LogIndex(2), new LogIndex(2)), (storage.State.Applied, storage.State.DurableApplied));
        Assert.Equal("a=1 b=1", await AllRowsAsync(storage));
        AssertEntries(Entries(1, 6), storage.Recovered.Entries);

        await storage.State.ApplyAsync(Batch(("a", "2"), ("b", null), ("c", "2")), new LogIndex(5));
        Assert.Equal("a=2 c=2", await AllRowsAsync(storage));
    }

    [Fact]
    public async Task A_flush_makes_what_is_applied_durable()
    {
        var storage = await OpenWithLogAsync(3);
        Assert.Equal(LogIndex.Zero, storage.State.DurableApplied);
        await storage.State.ApplyAsync(Batch(("a", "1")), new LogIndex(2));
        Assert.Equal(LogIndex.Zero, storage.State.DurableApplied);
        await storage.State.FlushAsync();
        Assert.Equal(new LogIndex(2), storage.State.DurableApplied);
        await storage.State.FlushAsync();
        await underTest.CrashAsync();

        storage = await OpenAsync();
        Assert.Equal(new LogIndex(2), storage.Recovered.Applied);
        Assert.Equal("a=1", await AllRowsAsync(storage));
    }

    [Fact]
    public async Task Flushes_at_the_same_time_each_contain_what_their_caller_applied()
    {
        var storages = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => OpenWithLogAsync(2, new ReplicaName($"orders/{i}@east"))));
        await Task.WhenAll(storages.Select(storage => Task.Run(async () =>
        {
            await storage.State.ApplyAsync(Batch(("a", "1")), new LogIndex(1));
            await storage.State.FlushAsync();
            Assert.Equal(new LogIndex(1), storage.State.DurableApplied);
        })));
        await underTest.CrashAsync();

        for (var i = 0; i < storages.Length; i++)
        {
            Assert.Equal(new LogIndex(1), (await OpenAsync(new ReplicaName($"orders/{i}@east"))).Recovered.Applied);
        }
    }

    [Fact]
    public async Task Closing_in_good_order_keeps_everything_applied()
    {
        var storage = await OpenWithLogAsync(3);
        await storage.State.ApplyAsync(Batch(("a", "1")), new LogIndex(3));
        await underTest.ReopenAsync();
        await underTest.CrashAsync();

        storage = await OpenAsync();
        Assert.Equal(new LogIndex(3), storage.Recovered.Applied);
        Assert.Equal("a=1", await AllRowsAsync(storage));
    }

    [Fact]
    public async Task What_a_new_opening_recovers_is_durable_even_if_the_old_one_never_flushed()
    {
        var old = await OpenWithLogAsync(3);
        await old.State.ApplyAsync(Batch(("a", "1")), new LogIndex(2));
        await old.DisposeAsync();

        var storage = await OpenAsync();
        Assert.Equal(new LogIndex(2), storage.Recovered.Applied);
        Assert.Equal(new LogIndex(2), storage.State.DurableApplied);
        await underTest.CrashAsync();

        storage = await OpenAsync();
        Assert.Equal(new LogIndex(2), storage.Recovered.Applied);
        Assert.Equal("a=1", await AllRowsAsync(storage));
    }

    private static async Task<List<string>> KeysAsync(IReplicaStateView view, byte[] from, byte[]? to)
    {
        var keys = new List<string>();
        await foreach (var row in view.ScanAsync(from, to is null ? default(ReadOnlyMemory<byte>?) : to))
        {
            keys.Add(Convert.ToHexString(row.Key.Span));
        }

        return keys;
    }
}
