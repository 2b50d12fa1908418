using System.Text;
using MultiDc.Raft;
using RocksDbSharp;

namespace MultiDc.Storage.Tests;

public sealed class BitFlipTests : IDisposable
{
    private const ulong Last = 300;
    private const ulong Applied = 200;

    private readonly TemporaryFolder folders = new();

    public void Dispose() => folders.Dispose();

    [Theory]
    [InlineData("*.log", 60)]
    [InlineData("MANIFEST-*", 20)]
    [InlineData("*.sst", 60)]
    [InlineData("CURRENT", 3)]
    public async Task A_flipped_bit_anywhere_is_refused_or_harmless(string files, int flips)
    {
        var image = await WriteImageAsync();
        var random = new Random(files.Length);
        for (var i = 0; i < flips; i++)
        {
            var file = random.GetItems(Directory.GetFiles(image, files), 1)[0];
            await AssertRefusedOrHarmlessAsync(image, Path.GetFileName(file), random.NextInt64(new FileInfo(file).Length), 1 << random.Next(8));
        }
    }

    [Theory]
    [InlineData("*.log")]
    [InlineData("MANIFEST-*")]
    public async Task A_flipped_bit_in_the_last_records_is_not_taken_for_a_torn_write(string files)
    {
        var image = await WriteImageAsync();
        var file = Directory.GetFiles(image, files).Max()!;
        var length = new FileInfo(file).Length;
        for (var offset = length - 120; offset < length; offset++)
        {
            await AssertRefusedOrHarmlessAsync(image, Path.GetFileName(file), offset, 0x40);
        }
    }

    [Fact]
    public async Task A_flipped_byte_in_the_middle_of_the_log_file_is_refused()
    {
        var image = await WriteImageAsync();
        var file = Directory.GetFiles(image, "*.log").Max()!;
        var length = new FileInfo(file).Length;
        for (var offset = length / 4; offset < length * 3 / 4; offset += length / 40)
        {
            var copy = Copy(image);
            Flip(Path.Combine(copy, Path.GetFileName(file)), offset, 0xFF);
            var refused = await Assert.ThrowsAsync<StoreOpenException>(() => RocksDbTestStore.OpenAsync(copy));
            Assert.Contains("is damaged", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_flipped_byte_in_a_row_is_reported_and_never_served()
    {
        var folder = folders.New();
        var value = new byte[1000];
        new Random(5).NextBytes(value);
        await using (var store = await RocksDbTestStore.OpenAsync(folder))
        {
            var storage = await store.OpenReplicaAsync();
            await storage.WriteAsync(RocksDbTestStore.Append(1, 2));
            var batch = new StateBatch();
            for (var i = 0; i < 200; i++)
            {
                var other = new byte[1000];
                new Random(1000 + i).NextBytes(other);
                batch.Changes.Add((Encoding.UTF8.GetBytes($"{i:D4}"), i == 100 ? value : other));
            }

            await storage.State.ApplyAsync(batch, new LogIndex(2));
        }

        FlipInTables(folder, value.AsSpan(500, 16));
        await using var damaged = await RocksDbTestStore.OpenAsync(folder);
        var opened = await damaged.OpenReplicaAsync();

        var corrupted = await Assert.ThrowsAsync<StoreCorruptedException>(async () => await opened.State.GetAsync("0100"u8.ToArray()));
        Assert.Equal((RocksDbTestStore.Shard, "state/00000000000000010130313030"), (corrupted.Replica, corrupted.Key));
        using var view = opened.State.OpenView();
        await Assert.ThrowsAsync<StoreCorruptedException>(async () => await view.GetAsync("0100"u8.ToArray()));
        await Assert.ThrowsAsync<StoreCorruptedException>(async () =>
        {
            await foreach (var row in view.ScanAsync(default, null))
            {
                Assert.True(row.Value.Length == 1000 && row.Key.Span.SequenceCompareTo("0100"u8) < 0);
            }
        });
        Assert.NotNull(await opened.State.GetAsync("0000"u8.ToArray()));
    }

    [Fact]
    public async Task A_flipped_byte_in_an_entry_in_a_table_is_reported()
    {
        var folder = folders.New();
        var payload = new byte[1000];
        new Random(6).NextBytes(payload);
        await using (var store = await RocksDbTestStore.OpenAsync(folder))
        {
            var storage = await store.OpenReplicaAsync();
            await storage.WriteAsync(RocksDbTestStore.Append(1, 2));
            await storage.WriteAsync(new ReplicaWrite { Entries = [new(new EntryId(new Term(1), new LogIndex(3)), EntryKind.Command, payload)] });
            store.Database.FlushLogs();
        }

        FlipInTables(folder, payload.AsSpan(500, 16));
        await using var damaged = await RocksDbTestStore.OpenAsync(folder);

        await Assert.ThrowsAsync<StoreCorruptedException>(async () => await damaged.OpenReplicaAsync());
    }

    [Theory]
    [InlineData("*.sst")]
    [InlineData("MANIFEST-*")]
    [InlineData("CURRENT")]
    public async Task A_truncated_file_is_refused(string files)
    {
        var image = await WriteImageAsync();
        foreach (var file in Directory.GetFiles(image, files))
        {
            var length = new FileInfo(file).Length;
            foreach (var left in new[] { 0, 1, length / 2, length - 1 })
            {
                var copy = Copy(image);
                using (var stream = new FileStream(Path.Combine(copy, Path.GetFileName(file)), FileMode.Open))
                {
                    stream.SetLength(left);
                }

                await AssertRefusedOrHarmlessAsync(copy);
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_log_file_that_others_follow_and_is_cut_short_or_gone_is_refused(int quarters)
    {
        var image = await WriteImageAsync();
        var wals = Directory.GetFiles(image, "*.log").Order().ToArray();
        Assert.True(wals.Length > 1);
        if (quarters == 0)
        {
            File.Delete(wals[0]);
        }
        else
        {
            using var stream = new FileStream(wals[0], FileMode.Open);
            stream.SetLength(stream.Length * quarters / 4);
        }

        await Assert.ThrowsAsync<StoreOpenException>(() => RocksDbTestStore.OpenAsync(image));
    }

    [Fact]
    public async Task A_torn_write_at_the_end_is_dropped_and_everything_before_it_is_there()
    {
        var image = await WriteImageAsync();
        var wal = Path.GetFileName(Directory.GetFiles(image, "*.log").Max()!);
        for (var cut = 1; cut < 60; cut += 4)
        {
            var torn = Copy(image);
            using (var stream = new FileStream(Path.Combine(torn, wal), FileMode.Open))
            {
                stream.SetLength(stream.Length - cut);
            }

            await using var store = await RocksDbTestStore.OpenAsync(torn);
            Assert.Equal((int)Last - 1, (await store.OpenReplicaAsync()).Recovered.Entries.Count);
        }
    }

    [Fact]
    public async Task A_hole_in_the_log_is_reported_with_its_replica_and_key()
    {
        var folder = folders.New();
        await using var store = await RocksDbTestStore.OpenAsync(folder);
        await (await store.OpenReplicaAsync()).WriteAsync(RocksDbTestStore.Append(1, 9));
        Overwrite(store, StoreKeys.Log(0, 5), value: null);

        var corrupted = await Assert.ThrowsAsync<StoreCorruptedException>(async () => await store.OpenReplicaAsync());

        Assert.Equal((RocksDbTestStore.Shard, "log/000000000000000000000005"), (corrupted.Replica, corrupted.Key));
    }

    [Fact]
    public async Task A_damaged_entry_is_reported_with_its_replica_and_key()
    {
        var folder = folders.New();
        await using var store = await RocksDbTestStore.OpenAsync(folder);
        await (await store.OpenReplicaAsync()).WriteAsync(RocksDbTestStore.Append(1, 9));
        var record = store.Database.Get(store.Database.Log, StoreKeys.Log(0, 7))!;
        record[^1] ^= 1;
        Overwrite(store, StoreKeys.Log(0, 7), record);

        var corrupted = await Assert.ThrowsAsync<StoreCorruptedException>(async () => await store.OpenReplicaAsync());

        Assert.Equal((RocksDbTestStore.Shard, "log/000000000000000000000007"), (corrupted.Replica, corrupted.Key));
        Assert.Contains("checksum", corrupted.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_entry_in_another_ones_place_is_reported()
    {
        await using var store = await RocksDbTestStore.OpenAsync(folders.New());
        await (await store.OpenReplicaAsync()).WriteAsync(RocksDbTestStore.Append(1, 9));
        Overwrite(store, StoreKeys.Log(0, 7), store.Database.Get(store.Database.Log, StoreKeys.Log(0, 6)));

        await Assert.ThrowsAsync<StoreCorruptedException>(async () => await store.OpenReplicaAsync());
    }

    [Fact]
    public async Task A_log_that_ends_before_what_was_applied_is_reported()
    {
        await using var store = await RocksDbTestStore.OpenAsync(folders.New());
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 9));
        await storage.State.ApplyAsync(new StateBatch(), new LogIndex(9));
        await storage.State.FlushAsync();
        Overwrite(store, StoreKeys.Log(0, 9), value: null);

        await Assert.ThrowsAsync<StoreCorruptedException>(async () => await store.OpenReplicaAsync());
    }

    [Theory]
    [InlineData(0x02)]
    [InlineData(0x03)]
    [InlineData(0x04)]
    public async Task A_damaged_hard_record_is_reported(byte kind)
    {
        await using var store = await RocksDbTestStore.OpenAsync(folders.New());
        await (await store.OpenReplicaAsync()).DisposeAsync();
        byte[] key = [kind, 0, 0, 0, 0];
        var record = store.Database.Get(store.Database.Hard, key)!;
        record[3] ^= 1;
        OverwriteHard(store, key, record);

        var corrupted = await Assert.ThrowsAsync<StoreCorruptedException>(async () => await store.OpenReplicaAsync());

        Assert.Equal($"hard/{Convert.ToHexStringLower(key)}", corrupted.Key);
        Assert.Equal(StoreHealth.Ok, store.Health);
        await (await store.OpenReplicaAsync(new ReplicaName("orders/2@east"))).WriteAsync(RocksDbTestStore.Append(1, 1));
    }

    private static void Overwrite(RocksDbReplicaStore store, byte[] key, byte[]? value)
    {
        using var batch = new WriteBatch();
        if (value is null)
        {
            batch.Delete(key, store.Database.Log.Handle);
        }
        else
        {
            batch.Put(key, value, store.Database.Log.Handle);
        }

        store.Database.WriteSynced(batch);
    }

    private static void OverwriteHard(RocksDbReplicaStore store, byte[] key, byte[] value)
    {
        using var batch = new WriteBatch();
        batch.Put(key, value, store.Database.Hard.Handle);
        store.Database.WriteSynced(batch);
    }

    /// <summary>Entries in two write-ahead logs, rows in a table, as a killed process leaves them.</summary>
    private async Task<string> WriteImageAsync()
    {
        var folder = folders.New();
        var image = folders.New();
        await using var store = await RocksDbTestStore.OpenAsync(folder);
        var storage = await store.OpenReplicaAsync();
        for (var index = 1UL; index <= Applied; index++)
        {
            await storage.WriteAsync(RocksDbTestStore.Append(index, index));
            await storage.State.ApplyAsync(RocksDbTestStore.Put($"{index:D4}", $"value {index}"), new LogIndex(index));
        }

        await storage.State.FlushAsync();
        for (var index = Applied + 1; index <= Last; index++)
        {
            await storage.WriteAsync(RocksDbTestStore.Append(index, index));
        }

        CrashImage.Take(store, folder, image);
        return image;
    }

    private async Task AssertRefusedOrHarmlessAsync(string image, string file, long offset, int bit)
    {
        var copy = Copy(image);
        Flip(Path.Combine(copy, file), offset, bit);
        await AssertRefusedOrHarmlessAsync(copy);
    }

    private static void Flip(string file, long offset, int bits)
    {
        using var stream = new FileStream(file, FileMode.Open);
        stream.Position = offset;
        var flipped = (byte)(stream.ReadByte() ^ bits);
        stream.Position = offset;
        stream.WriteByte(flipped);
    }

    private static void FlipInTables(string folder, ReadOnlySpan<byte> where)
    {
        var flipped = 0;
        foreach (var file in Directory.GetFiles(folder, "*.sst"))
        {
            if (File.ReadAllBytes(file).AsSpan().IndexOf(where) is var at and >= 0)
            {
                Flip(file, at, 0x01);
                flipped++;
            }
        }

        Assert.Equal(1, flipped);
    }

    private static async Task AssertRefusedOrHarmlessAsync(string copy)
    {
        try
        {
            await using var store = await RocksDbTestStore.OpenAsync(copy);
            await using var storage = await store.OpenReplicaAsync();
            Assert.Equal(
                Enumerable.Range(1, (int)Last).Select(index => $"command {index}"),
                storage.Recovered.Entries.Select(entry => Encoding.UTF8.GetString(entry.Payload.Span)));
            using var view = storage.State.OpenView();
            var rows = new List<string>();
            await foreach (var row in view.ScanAsync(default, null))
            {
                rows.Add(Encoding.UTF8.GetString(row.Value.Span));
            }

            Assert.Equal(Enumerable.Range(1, (int)Applied).Select(index => $"value {index}"), rows);
        }
        catch (Exception exception) when (exception is StoreOpenException or StoreCorruptedException)
        {
            Assert.Matches("damaged|corrupted|cannot be", exception.Message);
        }
        finally
        {
            Directory.Delete(copy, recursive: true);
        }
    }

    private string Copy(string image)
    {
        var copy = folders.New();
        Directory.CreateDirectory(copy);
        foreach (var file in Directory.GetFiles(image))
        {
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }

        return copy;
    }
}
