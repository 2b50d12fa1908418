using RocksDbSharp;

namespace MultiDc.Storage;

/// <summary>
/// A stopped store, opened to be looked at: RocksDB reads what is there, the write-ahead log included, and not a byte of the folder changes.
/// While it is open no store opens the folder.
/// </summary>
public sealed class StoreInspection : IDisposable
{
    private readonly StoppedFolder stopped;
    private readonly StoreDatabase database;

    private StoreInspection(string folder, StoppedFolder stopped, StoreDatabase database, StoreIdentity identity)
    {
        (Folder, this.stopped, this.database, Identity) = (folder, stopped, database, identity);
    }

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>Whose store it is.</summary>
    public StoreIdentity Identity { get; }

    /// <summary>The layout of its bytes, as LAYOUT.md numbers it.</summary>
    public int LayoutVersion { get; } = StoreRecords.LayoutVersion;

    /// <summary>Opens a folder.</summary>
    /// <param name="folder">The data folder of a store that no process has open.</param>
    /// <exception cref="StoreOpenException">It holds no store, is in use, cannot be read, or is of a newer program.</exception>
    /// <exception cref="StoreCorruptedException">It is so damaged that nothing in it can be read.</exception>
    public static StoreInspection Open(string folder)
    {
        var stopped = StoppedFolder.Hold(folder);
        RocksDb? native = null;
        try
        {
            RequireUndamagedTails(folder);
            RequireFamilies(folder);
            native = StoreDatabaseOptions.OpenReadOnly(folder);
            var database = new StoreDatabase(native);
            return new(folder, stopped, database, Identify(database, folder));
        }
        catch (Exception exception)
        {
            native?.Dispose();
            stopped.Dispose();
            if (exception is RocksDbException)
            {
                throw Explain(folder, exception.Message, exception);
            }

            throw;
        }
    }

    /// <summary>Checks every byte and what must hold between them, and tells each problem as it is found.</summary>
    /// <param name="content">Judges what the store does not understand.</param>
    /// <param name="report">Told of every problem.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public StoreVerification Verify(IStoredContentCheck content, Action<StoreProblem> report, CancellationToken cancellationToken = default) =>
        new StoreVerifier(database, content, report, cancellationToken).Verify();

    /// <summary>The names of all replicas, in order of their slots.</summary>
    /// <exception cref="StoreCorruptedException">A name's record is damaged.</exception>
    public IReadOnlyList<ReplicaName> ListReplicas()
    {
        var slots = new List<(uint Slot, ReplicaName Name)>();
        ReadHard((key, value) =>
        {
            if (StoreKeys.ReplicaOfName(key) is { } name)
            {
                slots.Add((HardRecords.Decode(database.Hard, key, name, value, StoreRecords.DecodeSlot), name));
            }
        });
        return [.. slots.OrderBy(static s => s.Slot).Select(static s => s.Name)];
    }

    /// <summary>The records beside the replicas, in order of their names.</summary>
    /// <exception cref="StoreCorruptedException">A record is damaged.</exception>
    public IReadOnlyList<StoreRecord> ListRecords()
    {
        var records = new List<StoreRecord>();
        ReadHard((key, value) =>
        {
            if (StoreKeys.NameOfRecord(key) is { } name)
            {
                records.Add(new(name, HardRecords.Decode(database.Hard, key, null, value, StoreRecords.DecodeRecord)));
            }
        });
        return records;
    }

    /// <summary>What a replica's own records say; its entries and rows are not read.</summary>
    /// <exception cref="StoreCorruptedException">One of them is missing or damaged.</exception>
    public StoredReplica Describe(ReplicaName replica)
    {
        var slot = HardRecords.Require(database, StoreKeys.Name(replica), replica, StoreRecords.DecodeSlot);
        var record = HardRecords.Require(database, StoreKeys.Replica(slot), replica, StoreRecords.DecodeReplica);
        var hardState = HardRecords.Require(database, StoreKeys.HardState(slot), replica, static bytes => HardStateCodec.Decode(bytes));
        var start = HardRecords.Require(database, StoreKeys.LogStart(slot), replica, static bytes => SnapshotMetadataCodec.Decode(bytes));
        var applied = StoreKeys.Applied(slot, record.Generation);
        return new(
            replica,
            slot,
            new(record.Epoch),
            record.Generation,
            hardState,
            start,
            new(LastIndexOf(replica, slot) ?? start.LastIncluded.Index.Value),
            new(HardRecords.Get(database, database.State, applied, replica) is { } bytes ? HardRecords.Decode(database.State, applied, replica, bytes, StoreRecords.DecodeApplied) : 0));
    }

    /// <summary>Hands over a replica's log, in order.</summary>
    /// <exception cref="StoreCorruptedException">An entry is damaged; those before it were handed over.</exception>
    public void ReadLog(StoredReplica replica, Action<LogEntry> entry) =>
        Read(database.Log, StoreKeys.Log(replica.Slot, 0), StoreKeys.Log(replica.Slot, ulong.MaxValue), replica.Name, (key, value) =>
            entry(HardRecords.Decode(database.Log, key, replica.Name, value, static bytes => EntryCodec.Decode(bytes))));

    /// <summary>Hands over the rows of a replica's state, in key order.</summary>
    /// <exception cref="StoreCorruptedException">A block of rows is damaged; those before it were handed over.</exception>
    public void ReadState(StoredReplica replica, Action<StateRow> row) =>
        Read(database.State, StoreKeys.Row(replica.Slot, replica.Generation, []), StoreKeys.AfterRows(replica.Slot, replica.Generation), replica.Name, (key, value) =>
            row(new(key.AsMemory(StoreKeys.StatePrefixBytes), value)));

    /// <summary>Closes the folder; a store may open it again.</summary>
    public void Dispose()
    {
        // Nobody else calls in here: there is nothing to wait for.
        database.CloseAsync().GetAwaiter().GetResult();
        stopped.Dispose();
    }

    private ulong? LastIndexOf(ReplicaName replica, uint slot)
    {
        try
        {
            return database.LastKeyTo(database.Log, StoreKeys.Log(slot, ulong.MaxValue)) is { Length: StoreKeys.LogKeyBytes } last && StoreKeys.SlotOf(last) == slot
                ? StoreKeys.IndexOfLog(last)
                : null;
        }
        catch (RocksDbException exception)
        {
            throw HardRecords.Corrupted(database.Log, StoreKeys.Log(slot, ulong.MaxValue), replica, exception.Message, exception);
        }
    }

    private void ReadHard(Action<byte[], byte[]> row) => Read(database.Hard, [], [byte.MaxValue], null, row);

    private void Read(StoreDatabase.Family family, byte[] from, byte[] to, ReplicaName? replica, Action<byte[], byte[]> row)
    {
        var next = from;
        var snapshot = database.TakeSnapshot();
        try
        {
            database.Read(family, from, to, snapshot, (key, value) =>
            {
                row(key, value);
                next = key;
                return true;
            });
        }
        catch (RocksDbException exception)
        {
            throw HardRecords.Corrupted(family, next, replica, $"after it: {exception.Message}", exception);
        }
        finally
        {
            database.Release(snapshot);
        }
    }

    private static void RequireUndamagedTails(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder, "*.log").Concat(Directory.EnumerateFiles(folder, "MANIFEST-*")))
        {
            if (DamagedTail.Find(file) is { } offset)
            {
                throw new StoreCorruptedException(null, Path.GetFileName(file), $"at {offset}: acknowledged records follow a broken one");
            }
        }
    }

    /// <summary>Asked before opening: RocksDB opens a folder for reading whatever else is in it.</summary>
    private static void RequireFamilies(string folder)
    {
        string[] known = [StoreDatabaseOptions.LogFamily, StoreDatabaseOptions.HardFamily, StoreDatabaseOptions.StateFamily];
        var present = StoreDatabaseOptions.FamiliesOf(folder).ToArray();
        if (known.Except(present).Any())
        {
            throw new StoreOpenException($"data folder {folder} holds no store: RocksDB made it, but not for this program");
        }

        if (present.Except(known).FirstOrDefault() is { } unknown)
        {
            throw new StoreOpenException($"data folder {folder} was written by a newer program, which keeps '{unknown}' in it: look at it with that one");
        }
    }

    private static StoreIdentity Identify(StoreDatabase database, string folder)
    {
        var record = database.Get(database.Hard, StoreKeys.Identity);
        if (record is [> StoreRecords.LayoutVersion, ..])
        {
            throw new StoreOpenException(
                $"data folder {folder} has layout version {record[0]}, this program knows up to {StoreRecords.LayoutVersion}: look at it with the newer program that wrote it");
        }

        return record is null
            ? throw HardRecords.Corrupted(database.Hard, StoreKeys.Identity, null, "it is missing: nobody knows whose store it is")
            : HardRecords.Decode(database.Hard, StoreKeys.Identity, null, record, StoreRecords.DecodeIdentity);
    }

    /// <summary>RocksDB has only texts to tell its errors apart.</summary>
    private static IOException Explain(string folder, string problem, Exception exception) => problem switch
    {
        _ when problem.StartsWith("Corruption", StringComparison.Ordinal) || problem.Contains("No such file", StringComparison.Ordinal) =>
            new StoreCorruptedException(null, "the database", problem, exception),
        _ => new StoreOpenException($"data folder {folder} cannot be read: {problem}", exception),
    };
}
