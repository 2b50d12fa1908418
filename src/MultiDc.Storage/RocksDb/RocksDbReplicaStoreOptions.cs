using RocksDbSharp;

namespace MultiDc.Storage;

/// <summary>How to open a <see cref="RocksDbReplicaStore"/>.</summary>
public sealed record RocksDbReplicaStoreOptions
{
    private const long MiB = 1024 * 1024;

    /// <summary>The data folder; created when missing, owned by one process at a time. Required.</summary>
    public required string Folder { get; init; }

    /// <summary>The system this store belongs to; a folder of another cluster is refused. Required.</summary>
    public required string ClusterId { get; init; }

    /// <summary>Below this much free space, in bytes, writes are refused with <see cref="StoreFullException"/>. Default 64 MiB.</summary>
    /// <remarks>The reserve carries what goes on while the store is read-only: applying, flushing and compacting what it already holds.</remarks>
    public long MinFreeBytes { get; init; } = 64 * MiB;

    /// <summary>From this much free space on, in bytes, writes are taken again; more than <see cref="MinFreeBytes"/>. Default 96 MiB.</summary>
    public long ResumeFreeBytes { get; init; } = 96 * MiB;

    /// <summary>How often free space is looked at while nothing is written. Default 1 s.</summary>
    public TimeSpan FreeSpaceInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Tells the free space in bytes for this store. Default: what the folder's file system has for this user.</summary>
    public Func<long>? FreeSpaceProbe { get; init; }

    /// <summary>Memory for blocks read from disk, memtables included, in bytes. Default 128 MiB.</summary>
    /// <remarks>
    /// The process takes up to twice as much: the C library's heaps, one per thread, keep what was freed between blocks of many sizes. What
    /// is not in here is mostly in the page cache of the operating system.
    /// </remarks>
    public long CacheBytes { get; init; } = 128 * MiB;

    /// <summary>Memory for rows and entries not yet in table files, in bytes, charged to the cache. Default 64 MiB.</summary>
    public long WriteBufferBytes { get; init; } = 64 * MiB;

    /// <summary>
    /// Applied rows that may wait in memory, of all replicas together, in bytes; beyond it, those of a replica that grow are written at once, but for 32 KiB of each, and soon from three quarters of it on. As many bytes of what was written
    /// lately are kept, because a write looks at what it replaces. Beside <see cref="CacheBytes"/>. Default 16 MiB.
    /// </summary>
    public long MaxAppliedBytes { get; init; } = 16 * MiB;

    /// <summary>Write-ahead log on disk, in bytes, at which memtables are flushed so that it can be dropped. Default 256 MiB.</summary>
    public long MaxWalBytes { get; init; } = 256 * MiB;

    /// <summary>
    /// Compacted log entries, in bytes, after which the files they are in are rewritten without them. Bounds, with
    /// <see cref="MaxWalBytes"/>, what the disk holds of logs beyond their live entries. Default 64 MiB.
    /// </summary>
    public long ReclaimLogBytes { get; init; } = 64 * MiB;

    /// <summary>Files RocksDB keeps open at most. Default 512.</summary>
    public int MaxOpenFiles { get; init; } = 512;

    /// <summary>
    /// Writes that may wait for the committer, and written ones that may wait for a sync; further callers wait in turn before their write
    /// is accepted. Default 8,192.
    /// </summary>
    public int MaxQueuedWrites { get; init; } = 8192;

    /// <summary>Bytes of entries after which a batch takes no further write in. Default 8 MiB.</summary>
    public long MaxBatchBytes { get; init; } = 8 * MiB;

    /// <summary>Called by the committer right before each batch is written with the number of writes in it; tests hold or fail it.</summary>
    internal Action<int>? BeforeCommit { get; init; }

    /// <summary>Called before each sync of batches that are written; tests hold or fail it.</summary>
    internal Action? BeforeSync { get; init; }

    /// <summary>Called before each flush of applied rows, once it is decided what it answers for; tests hold it.</summary>
    internal Action? BeforeStateFlush { get; init; }

    /// <summary>Called before frozen rows are handed to RocksDB on the thread for it; tests hold it.</summary>
    internal Action? BeforeRowsWrite { get; init; }

    /// <summary>Called with RocksDB's own options before it opens; tests have it count.</summary>
    internal Action<DbOptions>? Configure { get; init; }

    /// <summary>Throws <see cref="ArgumentException"/> with one sentence about the first value that cannot be.</summary>
    public void Validate()
    {
        Check(!string.IsNullOrWhiteSpace(Folder), nameof(Folder), "names the data folder");
        Check(!string.IsNullOrWhiteSpace(ClusterId) && ClusterId.Length <= 256, nameof(ClusterId), "has 1 to 256 characters");
        Check(MinFreeBytes >= 0, nameof(MinFreeBytes), "is not negative");
        Check(ResumeFreeBytes > MinFreeBytes, nameof(ResumeFreeBytes), $"is greater than {nameof(MinFreeBytes)}");
        Check(FreeSpaceInterval > TimeSpan.Zero, nameof(FreeSpaceInterval), "is positive");
        Check(CacheBytes >= MiB, nameof(CacheBytes), "is at least 1 MiB");
        Check(WriteBufferBytes >= MiB && WriteBufferBytes <= CacheBytes, nameof(WriteBufferBytes), $"is 1 MiB to {nameof(CacheBytes)}");
        Check(MaxAppliedBytes >= 1, nameof(MaxAppliedBytes), "is at least 1");
        Check(MaxWalBytes >= MiB, nameof(MaxWalBytes), "is at least 1 MiB");
        Check(ReclaimLogBytes >= 1, nameof(ReclaimLogBytes), "is at least 1");
        Check(MaxOpenFiles >= 16, nameof(MaxOpenFiles), "is at least 16");
        Check(MaxQueuedWrites >= 1, nameof(MaxQueuedWrites), "is at least 1");
        Check(MaxBatchBytes >= 1, nameof(MaxBatchBytes), "is at least 1");
    }

    private static void Check(bool valid, string property, string rule)
    {
        if (!valid)
        {
            throw new ArgumentException($"{nameof(RocksDbReplicaStoreOptions)}.{property} must be such that it {rule}.", property);
        }
    }
}
