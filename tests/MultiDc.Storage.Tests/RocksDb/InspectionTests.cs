using System.Security.Cryptography;
using System.Text;
using MultiDc.Raft;
using RocksDbSharp;

namespace MultiDc.Storage.Tests;

public sealed class InspectionTests : IDisposable
{
    private const ulong Last = 9;
    private const ulong Applied = 6;
    private const ulong Compacted = 2;

    private readonly TemporaryFolder folders = new();

    public void Dispose() => folders.Dispose();

    [Fact]
    public async Task A_healthy_store_has_no_problem()
    {
        var (folder, identity) = await WriteAsync();
        using var inspection = StoreInspection.Open(folder);
        var (result, problems) = Verify(inspection);

        Assert.Empty(problems);
        Assert.Equal(new StoreVerification(Replicas: 2, Entries: 7, Rows: 6, Records: 1, AbandonedRows: 1, Problems: 0), result);
        Assert.Equal(identity, inspection.Identity);
        Assert.Equal([RocksDbTestStore.Shard, new ReplicaName("orders/2@east")], inspection.ListReplicas());
        Assert.Equal(["key"], inspection.ListRecords().Select(static r => r.Name));
    }

    [Fact]
    public async Task A_killed_process_leaves_a_store_without_a_problem()
    {
        var (folder, image) = (folders.New(), folders.New());
        await using (var store = await RocksDbTestStore.OpenAsync(folder))
        {
            var storage = await store.OpenReplicaAsync();
            for (var index = 1UL; index <= 50; index++)
            {
                await storage.WriteAsync(RocksDbTestStore.Append(index, index) with { HardState = new HardState(new Term(1), new ReplicaId(1), new LogIndex(index)) });
                await storage.State.ApplyAsync(RocksDbTestStore.Put($"{index}", "x"), new LogIndex(index));
            }

            CrashImage.Take(store, folder, image);
        }

        using var inspection = StoreInspection.Open(image);
        var (result, problems) = Verify(inspection);

        // What was applied and never flushed is not there; the log is.
        Assert.Empty(problems);
        Assert.Equal((50L, 0L), (result.Entries, result.Rows));
    }

    [Fact]
    public async Task A_replica_is_described_and_read()
    {
        var (folder, _) = await WriteAsync();
        using var inspection = StoreInspection.Open(folder);
        var replica = inspection.Describe(RocksDbTestStore.Shard);
        var (entries, rows) = (new List<ulong>(), new List<string>());
        inspection.ReadLog(replica, entry => entries.Add(entry.Index.Value));
        inspection.ReadState(replica, row => rows.Add(Encoding.UTF8.GetString(row.Key.Span)));

        Assert.Equal(
            (0U, 1UL, Compacted, Last, Applied), (replica.Slot, replica.Epoch.Value, replica.LogStart.LastIncluded.Index.Value, replica.LastIndex.Value, replica.Applied.Value));
        Assert.Equal([3UL, 4, 5, 6, 7, 8, 9], entries);
        Assert.Equal(["k1", "k2", "k3", "k4", "k5", "k6"], rows);
    }

    [Fact]
    public async Task Not_a_byte_of_the_folder_changes()
    {
        var (folder, _) = await WriteAsync();
        var before = Fingerprint(folder);
        using (var inspection = StoreInspection.Open(folder))
        {
            Verify(inspection);
            inspection.ReadLog(inspection.Describe(RocksDbTestStore.Shard), static _ => { });
            Assert.Equal(before, Fingerprint(folder));
        }

        Assert.Equal(before, Fingerprint(folder));
        await (await RocksDbTestStore.OpenAsync(folder)).DisposeAsync();
    }

    [Theory]
    [InlineData("log/000000000000000000000007", "checksum", Damage.EntryFlipped)]
    [InlineData("log/000000000000000000000005", "hole", Damage.EntryMissing)]
    [InlineData("log/000000000000000000000007", "index 6", Damage.EntryOfAnother)]
    [InlineData("log/000000000000000000000001", "before the log's start", Damage.EntryBeforeStart)]
    [InlineData("log/000000000000000000000007", "after an entry of term 3", Damage.TermGoesBack)]
    [InlineData("hard/0300000000", "term is 1", Damage.TermBeyondHardState)]
    [InlineData("hard/0300000000", "99 is committed", Damage.CommitBeyondLog)]
    [InlineData("state/000000000000000100", "the log ends at 5", Damage.LogEndsBeforeApplied)]
    [InlineData("state/000000000000000100", "compacted into 2", Damage.AppliedBeforeStart)]
    [InlineData("state/000000000000000100", "checksum", Damage.AppliedFlipped)]
    [InlineData("state/000000000000000107", "no record", Damage.StateKeyUnknown)]
    [InlineData("state/00000009000000010161", "no replica", Damage.StateOfNobody)]
    [InlineData("log/000000090000000000000001", "no replica", Damage.LogOfNobody)]
    [InlineData("hard/07", "no record", Damage.HardKeyUnknown)]
    [InlineData("hard/016f72646572732f314065617374", "checksum", Damage.NameFlipped)]
    [InlineData("hard/017a", "slot 0", Damage.SlotTwice)]
    [InlineData("hard/0200000000", "checksum", Damage.ReplicaFlipped)]
    [InlineData("hard/0300000000", "checksum", Damage.HardStateFlipped)]
    [InlineData("hard/0400000000", "checksum", Damage.LogStartFlipped)]
    [InlineData("hard/0200000000", "missing", Damage.ReplicaMissing)]
    [InlineData("hard/0300000000", "missing", Damage.HardStateMissing)]
    [InlineData("hard/0400000000", "missing", Damage.LogStartMissing)]
    [InlineData("hard/056b6579", "checksum", Damage.RecordFlipped)]
    public async Task Damage_is_told_with_its_key(string key, string problem, Damage damage)
    {
        var (folder, _) = await WriteAsync(damage);
        using var inspection = StoreInspection.Open(folder);
        var (result, problems) = Verify(inspection);

        Assert.Contains(problems, p => p.Key == key && p.Problem.Contains(problem, StringComparison.Ordinal));
        Assert.Equal(problems.Count, result.Problems);

        // One damage is not told as a dozen: only what is nobody's any more is named besides.
        Assert.True(problems.Count <= (damage == Damage.NameFlipped ? 4 : 1), string.Join('\n', problems));
    }

    [Theory]
    [InlineData("*.sst", 40)]
    [InlineData("*.log", 25)]
    [InlineData("MANIFEST-*", 15)]
    public async Task A_flipped_bit_anywhere_is_told_or_harmless(string files, int flips)
    {
        var (folder, _) = await WriteAsync();
        StoreVerification healthy;
        using (var inspection = StoreInspection.Open(folder))
        {
            (healthy, _) = Verify(inspection);
        }

        var random = new Random(files.Length);
        for (var i = 0; i < flips; i++)
        {
            var file = random.GetItems(Directory.GetFiles(folder, files), 1)[0];
            var bytes = await File.ReadAllBytesAsync(file);
            if (bytes.Length == 0)
            {
                continue;
            }

            var whole = bytes.ToArray();
            bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            await File.WriteAllBytesAsync(file, bytes);
            try
            {
                using var inspection = StoreInspection.Open(folder);
                var (result, problems) = Verify(inspection);
                Assert.True(problems.Count > 0 || result == healthy, $"bit {i}: {result}");
            }
            catch (Exception exception) when (exception is StoreOpenException or StoreCorruptedException)
            {
                // Told.
            }

            await File.WriteAllBytesAsync(file, whole);
        }
    }

    [Fact]
    public async Task What_the_content_check_finds_is_told()
    {
        var (folder, _) = await WriteAsync();
        using var inspection = StoreInspection.Open(folder);
        var problems = new List<StoreProblem>();
        inspection.Verify(new Suspicious(), problems.Add);

        Assert.Equal(
            ["hard/056b6579 a record", "log/000000000000000000000004 an entry", "state/0000000000000001016b33 a row at 6"],
            problems.Select(static p => $"{p.Key} {p.Problem}"));
    }

    [Fact]
    public async Task A_folder_in_use_by_this_process_is_refused_and_stays_locked()
    {
        var folder = folders.New();
        await using var store = await RocksDbTestStore.OpenAsync(folder);

        Assert.StartsWith($"data folder {folder} is in use by this process", Refusal(folder), StringComparison.Ordinal);

        // Had LOCK been opened and closed here, the kernel would have dropped the store's lock.
        Assert.Contains("is in use by another process", await OpenElsewhereAsync(folder), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_in_use_by_another_process_is_refused()
    {
        var folder = folders.New();
        using var other = OtherProcess.Start("write", folder);
        try
        {
            // "opening", and the first acknowledgement: it is open.
            Assert.NotNull(await other.StandardOutput.ReadLineAsync());
            Assert.NotNull(await other.StandardOutput.ReadLineAsync());
            Assert.StartsWith($"data folder {folder} is in use by another process", Refusal(folder), StringComparison.Ordinal);
        }
        finally
        {
            other.Kill();
            await other.WaitForExitAsync();
        }

        using var inspection = StoreInspection.Open(folder);
        Assert.Empty(Verify(inspection).Problems);
    }

    [Fact]
    public async Task No_store_opens_a_folder_that_is_looked_at_but_others_may_look()
    {
        var (folder, _) = await WriteAsync();
        using (StoreInspection.Open(folder))
        {
            Assert.Contains("is in use by another process", await OpenElsewhereAsync(folder), StringComparison.Ordinal);
        }

        Assert.Equal("opened", await OpenElsewhereAsync(folder));
    }

    [Fact]
    public async Task What_is_no_store_is_refused()
    {
        var (missing, empty, foreign, file) = (folders.New(), folders.New(), folders.New(), folders.New());
        Directory.CreateDirectory(empty);
        await File.WriteAllTextAsync(file, "");
        using (RocksDb.Open(new DbOptions().SetCreateIfMissing(), foreign))
        {
        }

        Assert.Equal($"data folder {missing} does not exist", Refusal(missing));
        Assert.StartsWith($"data folder {file} is a file", Refusal(file), StringComparison.Ordinal);
        Assert.StartsWith($"data folder {empty} holds no store", Refusal(empty), StringComparison.Ordinal);
        Assert.StartsWith($"data folder {foreign} holds no store", Refusal(foreign), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(empty));
    }

    [Fact]
    public async Task A_newer_layout_is_refused()
    {
        var (layout, families) = (folders.New(), folders.New());
        await using (var store = await RocksDbTestStore.OpenAsync(layout))
        {
            Put(store, store.Database.Hard, StoreKeys.Identity, [StoreRecords.LayoutVersion + 1, 1, 2, 3]);
        }

        await (await RocksDbTestStore.OpenAsync(families)).DisposeAsync();
        using (RocksDb.Open(new DbOptions().SetCreateMissingColumnFamilies(), families, new ColumnFamilies { { "log", new() }, { "hard", new() }, { "state", new() }, { "future", new() } }))
        {
        }

        Assert.StartsWith($"data folder {layout} has layout version {StoreRecords.LayoutVersion + 1}", Refusal(layout), StringComparison.Ordinal);
        Assert.StartsWith($"data folder {families} was written by a newer program", Refusal(families), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_an_identity_it_is_damaged()
    {
        var folder = folders.New();
        await using (var store = await RocksDbTestStore.OpenAsync(folder))
        {
            await store.OpenReplicaAsync();
            Put(store, store.Database.Hard, StoreKeys.Identity, null);
        }

        Assert.Equal("hard/00", Assert.Throws<StoreCorruptedException>(() => StoreInspection.Open(folder)).Key);
    }

    private static (StoreVerification Result, List<StoreProblem> Problems) Verify(StoreInspection inspection)
    {
        var problems = new List<StoreProblem>();
        return (inspection.Verify(new Trusting(), problems.Add), problems);
    }

    private static string Refusal(string folder) => Assert.Throws<StoreOpenException>(() => StoreInspection.Open(folder)).Message;

    private static async Task<string> OpenElsewhereAsync(string folder)
    {
        using var other = OtherProcess.Start("open", folder);
        var said = await other.StandardOutput.ReadToEndAsync();
        await other.WaitForExitAsync();
        return said.Trim();
    }

    private static string Fingerprint(string folder) => string.Join('\n', Directory.GetFiles(folder).Order().Select(static file =>
        $"{Path.GetFileName(file)} {File.GetLastWriteTimeUtc(file):O} {Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)))}"));

    private static void Put(RocksDbReplicaStore store, StoreDatabase.Family family, byte[] key, byte[]? value)
    {
        using var batch = new WriteBatch();
        if (value is null)
        {
            batch.Delete(key, family.Handle);
        }
        else
        {
            batch.Put(key, value, family.Handle);
        }

        store.Database.WriteSynced(batch);
    }

    /// <summary>Two replicas, one with a compacted log, applied rows and a row of a snapshot that was given up; then the damage.</summary>
    private async Task<(string Folder, StoreIdentity Identity)> WriteAsync(Damage damage = Damage.None)
    {
        var folder = folders.New();
        await using var store = await RocksDbTestStore.OpenAsync(folder);
        await store.AddRecordAsync("key", "value"u8.ToArray());
        var storage = await store.OpenReplicaAsync();
        await store.OpenReplicaAsync(new ReplicaName("orders/2@east"));
        await storage.WriteAsync(RocksDbTestStore.Append(1, Last) with { HardState = new HardState(new Term(3), new ReplicaId(2), new LogIndex(Applied)) });
        for (var index = 1UL; index <= Applied; index++)
        {
            await storage.State.ApplyAsync(RocksDbTestStore.Put($"k{index}", $"value {index}"), new LogIndex(index));
        }

        await storage.State.FlushAsync();
        await storage.CompactToAsync(new SnapshotMetadata(new EntryId(new Term(1), new LogIndex(Compacted)), RocksDbTestStore.Founding.Configuration));
        var staged = await storage.State.StageAsync(new SnapshotMetadata(new EntryId(new Term(1), new LogIndex(20)), RocksDbTestStore.Founding.Configuration));
        await staged.AddAsync([new StateRow("b"u8.ToArray(), "2"u8.ToArray())]);
        Apply(store, damage);
        return (folder, store.Identity);
    }

    private static void Apply(RocksDbReplicaStore store, Damage damage)
    {
        var (log, hard, state) = (store.Database.Log, store.Database.Hard, store.Database.State);
        switch (damage)
        {
            case Damage.EntryFlipped: Flip(log, StoreKeys.Log(0, 7)); break;
            case Damage.EntryMissing: Put(store, log, StoreKeys.Log(0, 5), null); break;
            case Damage.EntryOfAnother: Put(store, log, StoreKeys.Log(0, 7), store.Database.Get(log, StoreKeys.Log(0, 6))); break;
            case Damage.EntryBeforeStart: Put(store, log, StoreKeys.Log(0, 1), Encoded(1, 1)); break;
            case Damage.TermGoesBack: Put(store, log, StoreKeys.Log(0, 6), Encoded(3, 6)); Put(store, log, StoreKeys.Log(0, 7), Encoded(2, 7)); PutRest(3); break;
            case Damage.TermBeyondHardState: PutHardState(1, Applied); PutRest(2); break;
            case Damage.CommitBeyondLog: PutHardState(3, 99); break;
            case Damage.LogEndsBeforeApplied: PutHardState(3, 1); for (var index = 6UL; index <= Last; index++) { Put(store, log, StoreKeys.Log(0, index), null); } break;
            case Damage.AppliedBeforeStart: Put(store, state, StoreKeys.Applied(0, 1), StoreRecords.EncodeApplied(1)); break;
            case Damage.AppliedFlipped: Flip(state, StoreKeys.Applied(0, 1)); break;
            case Damage.StateKeyUnknown: Put(store, state, [.. StoreKeys.Generation(0, 1), 7], [1]); break;
            case Damage.StateOfNobody: Put(store, state, StoreKeys.Row(9, 1, "a"u8), [1]); break;
            case Damage.LogOfNobody: Put(store, log, StoreKeys.Log(9, 1), Encoded(1, 1)); break;
            case Damage.HardKeyUnknown: Put(store, hard, [7], [1]); break;
            case Damage.NameFlipped: Flip(hard, StoreKeys.Name(RocksDbTestStore.Shard)); break;
            case Damage.SlotTwice: Put(store, hard, StoreKeys.Name(new ReplicaName("z")), StoreRecords.EncodeSlot(0)); break;
            case Damage.ReplicaFlipped: Flip(hard, StoreKeys.Replica(0)); break;
            case Damage.HardStateFlipped: Flip(hard, StoreKeys.HardState(0)); break;
            case Damage.LogStartFlipped: Flip(hard, StoreKeys.LogStart(0)); break;
            case Damage.ReplicaMissing: Put(store, hard, StoreKeys.Replica(0), null); break;
            case Damage.HardStateMissing: Put(store, hard, StoreKeys.HardState(0), null); break;
            case Damage.LogStartMissing: Put(store, hard, StoreKeys.LogStart(0), null); break;
            case Damage.RecordFlipped: Flip(hard, StoreKeys.Record("key")); break;
            case Damage.None: break;
            default: throw new ArgumentOutOfRangeException(nameof(damage));
        }

        void Flip(StoreDatabase.Family family, byte[] key)
        {
            var record = store.Database.Get(family, key)!;
            record[^1] ^= 1;
            Put(store, family, key, record);
        }

        void PutHardState(ulong term, ulong commit)
        {
            var output = new System.Buffers.ArrayBufferWriter<byte>();
            HardStateCodec.Encode(new HardState(new Term(term), ReplicaId.None, new LogIndex(commit)), output);
            Put(store, hard, StoreKeys.HardState(0), output.WrittenSpan.ToArray());
        }

        void PutRest(ulong term)
        {
            for (var index = 8UL; index <= Last; index++)
            {
                Put(store, log, StoreKeys.Log(0, index), Encoded(term, index));
            }
        }

        static byte[] Encoded(ulong term, ulong index)
        {
            var output = new System.Buffers.ArrayBufferWriter<byte>();
            EntryCodec.Encode(new LogEntry(new EntryId(new Term(term), new LogIndex(index)), EntryKind.Command, "x"u8.ToArray()), output);
            return output.WrittenSpan.ToArray();
        }
    }

    public enum Damage
    {
        None, EntryFlipped, EntryMissing, EntryOfAnother, EntryBeforeStart, TermGoesBack, TermBeyondHardState, CommitBeyondLog, LogEndsBeforeApplied,
        AppliedBeforeStart, AppliedFlipped, StateKeyUnknown, StateOfNobody, LogOfNobody, HardKeyUnknown, NameFlipped, SlotTwice, ReplicaFlipped,
        HardStateFlipped, LogStartFlipped, ReplicaMissing, HardStateMissing, LogStartMissing, RecordFlipped,
    }

    private sealed class Trusting : IStoredContentCheck
    {
        public string? ProblemOf(StoreRecord record) => null;

        public string? ProblemOf(ReplicaName replica, LogEntry entry) => null;

        public string? ProblemOf(ReplicaName replica, LogIndex applied, StateRow row) => null;
    }

    private sealed class Suspicious : IStoredContentCheck
    {
        public string? ProblemOf(StoreRecord record) => record.Name == "key" ? "a record" : null;

        public string? ProblemOf(ReplicaName replica, LogEntry entry) => entry.Index.Value == 4 ? "an entry" : null;

        public string? ProblemOf(ReplicaName replica, LogIndex applied, StateRow row) => row.Key.Span.SequenceEqual("k3"u8) ? $"a row at {applied}" : null;
    }
}
