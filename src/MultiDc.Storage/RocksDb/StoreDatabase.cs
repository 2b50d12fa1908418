using RocksDbSharp;

namespace MultiDc.Storage;

/// <summary>
/// The native database and its three column families. <c>hard</c> and <c>log</c> are written through the write-ahead log and synced;
/// <c>state</c> never is (LAYOUT.md says why that is safe). Members throw <see cref="RocksDbException"/> when the database does, and
/// <see cref="ObjectDisposedException"/> once it is closed.
/// </summary>
internal sealed class StoreDatabase
{
    private readonly RocksDb database;
    private readonly WriteOptions synced = new WriteOptions().SetSync(true);
    private readonly WriteOptions logged = new();
    private readonly WriteOptions unlogged = new WriteOptions().DisableWal(1);
    private readonly FlushOptions waitForFlush = new FlushOptions().SetWaitForFlush(true);
    private readonly OperationGate gate = new();
    private readonly Lock snapshotsGate = new();
    private readonly HashSet<Snapshot> snapshots = [];

    public StoreDatabase(RocksDb database)
    {
        this.database = database;
        Log = new Family(database.GetColumnFamily(StoreDatabaseOptions.LogFamily), StoreDatabaseOptions.LogFamily);
        Hard = new Family(database.GetColumnFamily(StoreDatabaseOptions.HardFamily), StoreDatabaseOptions.HardFamily);
        State = new Family(database.GetColumnFamily(StoreDatabaseOptions.StateFamily), StoreDatabaseOptions.StateFamily);
    }

    public Family Log { get; }

    public Family Hard { get; }

    public Family State { get; }

    /// <summary>Keeps the database open until the lease is disposed.</summary>
    public OperationGate.Lease Enter() => gate.Enter();

    /// <summary>Returns when the batch is on stable storage; nobody reads it before. For <see cref="Log"/> and <see cref="Hard"/>.</summary>
    public void WriteSynced(WriteBatch batch)
    {
        using var lease = gate.Enter();
        database.Write(batch, synced);
    }

    /// <summary>
    /// For <see cref="Log"/> and <see cref="Hard"/>. Can be read at once and is durable after <see cref="SyncLog"/>. RocksDB takes one write
    /// at a time: one that is synced inside would keep all others waiting for the disk, those of applied rows too.
    /// </summary>
    public void WriteLogged(WriteBatch batch)
    {
        using var lease = gate.Enter();
        database.Write(batch, logged);
    }

    /// <summary>Returns when everything that was written before through the write-ahead log is on stable storage.</summary>
    public void SyncLog()
    {
        using var lease = gate.Enter();
        Native.Instance.rocksdb_flush_wal(database.Handle, sync: 1);
    }

    /// <summary>Writes to memory only, atomically. For <see cref="State"/>.</summary>
    public void WriteUnlogged(WriteBatch batch)
    {
        using var lease = gate.Enter();
        database.Write(batch, unlogged);
    }

    /// <summary>Returns when all of <see cref="State"/> written before is on stable storage.</summary>
    public void FlushState()
    {
        using var lease = gate.Enter();
        Native.Instance.rocksdb_flush_cf(database.Handle, waitForFlush.Handle, State.Handle.Handle);
    }

    /// <summary>Returns when all of <see cref="Log"/> and <see cref="Hard"/> written before is in table files, so that its write-ahead logs can go.</summary>
    public void FlushLogs()
    {
        using var lease = gate.Enter();
        Native.Instance.rocksdb_flush_cf(database.Handle, waitForFlush.Handle, Log.Handle.Handle);
        Native.Instance.rocksdb_flush_cf(database.Handle, waitForFlush.Handle, Hard.Handle.Handle);
    }

    /// <summary>
    /// Rewrites the table files of <see cref="Log"/> without what was deleted. Others read and write meanwhile; closing cuts it short. What
    /// fails in it is heard of as a background error.
    /// </summary>
    public void CompactLog()
    {
        using var lease = gate.Enter();
        database.CompactRange((byte[]?)null, null, Log.Handle);
    }

    /// <summary>The same for the keys of <see cref="State"/> from <paramref name="from"/> up to <paramref name="to"/>.</summary>
    public void CompactState(byte[] from, byte[] to)
    {
        using var lease = gate.Enter();
        database.CompactRange(from, to, State.Handle);
    }

    public byte[]? Get(Family family, ReadOnlySpan<byte> key, ReadOptions? at = null)
    {
        using var lease = gate.Enter();
        var value = database.Get(key, family.Handle, at);

        // The native options go with the managed ones, which nothing else may hold any more.
        GC.KeepAlive(at);
        return value;
    }

    /// <summary>The first key at or after <paramref name="key"/>, or null.</summary>
    public byte[]? FirstKeyFrom(Family family, byte[] key)
    {
        using var lease = gate.Enter();
        using var iterator = database.NewIterator(family.Handle);
        iterator.Seek(key);
        return Checked(iterator) ? iterator.Key() : null;
    }

    /// <summary>The last key at or before <paramref name="key"/>, or null.</summary>
    public byte[]? LastKeyTo(Family family, byte[] key)
    {
        using var lease = gate.Enter();
        using var iterator = database.NewIterator(family.Handle);
        iterator.SeekForPrev(key);
        return Checked(iterator) ? iterator.Key() : null;
    }

    /// <summary>
    /// Hands rows of [<paramref name="from"/>, <paramref name="to"/>) to <paramref name="row"/> in key order until it returns false.
    /// Holds no native object when it returns, so that a reader which stops half way leaks nothing.
    /// </summary>
    public void Read(Family family, byte[] from, byte[] to, Snapshot at, Func<byte[], byte[], bool> row)
    {
        using var lease = gate.Enter();
        var options = new ReadOptions().SetSnapshot(at).SetIterateUpperBound(to);
        try
        {
            using var iterator = database.NewIterator(family.Handle, options);
            for (iterator.Seek(from); Checked(iterator); iterator.Next())
            {
                if (!row(iterator.Key(), iterator.Value()))
                {
                    return;
                }
            }
        }
        finally
        {
            // The native iterator reads the bound out of the native options at every step. The managed iterator refers to the managed options,
            // but the compiler may do without the managed iterator: then nothing else keeps them from being collected in the middle.
            GC.KeepAlive(options);
        }
    }

    public Snapshot TakeSnapshot()
    {
        using var lease = gate.Enter();
        lock (snapshotsGate)
        {
            var snapshot = database.CreateSnapshot();
            snapshots.Add(snapshot);
            return snapshot;
        }
    }

    /// <summary>Releases the snapshot, unless closing did already.</summary>
    public void Release(Snapshot snapshot)
    {
        lock (snapshotsGate)
        {
            if (snapshots.Remove(snapshot))
            {
                snapshot.Dispose();
            }
        }
    }

    /// <summary>Keeps files from being deleted, for a copy of the folder, until the result is disposed.</summary>
    public IDisposable KeepFiles()
    {
        using var lease = gate.Enter();
        database.DisableFileDeletions();
        return new KeptFiles(this);
    }

    /// <summary>Waits for the calls inside, releases what views still hold and closes the database, and with it the folder's lock.</summary>
    public async Task CloseAsync()
    {
        var drained = gate.CloseAsync();
        Native.Instance.rocksdb_disable_manual_compaction(database.Handle);
        await drained.ConfigureAwait(false);
        lock (snapshotsGate)
        {
            foreach (var snapshot in snapshots)
            {
                snapshot.Dispose();
            }

            snapshots.Clear();
        }

        database.Dispose();
    }

    /// <summary>The native iterator ends both at the last row and at a row it cannot read; only its status tells which.</summary>
    private static bool Checked(Iterator iterator)
    {
        if (iterator.Valid())
        {
            return true;
        }

        Native.Instance.rocksdb_iter_get_error(iterator.Handle);
        return false;
    }

    private sealed class KeptFiles(StoreDatabase owner) : IDisposable
    {
        public void Dispose()
        {
            using var lease = owner.gate.Enter();
            owner.database.EnableFileDeletions();
        }
    }

    /// <summary>A column family and its name for errors.</summary>
    public sealed record Family(ColumnFamilyHandle Handle, string Name);
}
