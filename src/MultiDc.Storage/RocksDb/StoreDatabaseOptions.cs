using System.Runtime.InteropServices;
using RocksDbSharp;

namespace MultiDc.Storage;

/// <summary>How RocksDB is set up: what it may hold in memory, and what it must refuse rather than guess.</summary>
internal static class StoreDatabaseOptions
{
    public const string LogFamily = "log";
    public const string HardFamily = "hard";
    public const string StateFamily = "state";

    public static RocksDb Open(RocksDbReplicaStoreOptions options, Action<RocksDbException> backgroundFailed)
    {
        var cache = Cache.CreateLru((ulong)options.CacheBytes);
        var families = new ColumnFamilies(Family(cache, options.WriteBufferBytes / 64))
        {
            { LogFamily, InsertedInOrder(Uncompressed(Family(cache, options.WriteBufferBytes / 2))) },
            { HardFamily, Family(cache, options.WriteBufferBytes / 16) },
            { StateFamily, InsertedInOrder(Family(cache, options.WriteBufferBytes / 2)) },
        };

        var database = new DbOptions()
            .SetCreateIfMissing()
            .SetCreateMissingColumnFamilies()
            .SetParanoidChecks()
            // Mode 0 opens after a torn tail and refuses a damaged middle. The default drops acknowledged entries from the damage on, silently.
            .SetWalRecoveryMode(Recovery.TolerateCorruptedTailRecords)
            .SetMaxTotalWalSize((ulong)options.MaxWalBytes)
            .SetMaxOpenFiles(options.MaxOpenFiles)
            // Whoever waits for its turn to write sleeps: spinning takes the processor from the one whose turn it is.
            .SetEnableWriteThreadAdaptiveYield(false)
            .SetKeepLogFileNum(4)
            .SetMaxLogFileSize(4 * 1024 * 1024)
            .SetInfoLogLevel(InfoLogLevel.Warn)
            .SetStatsDumpPeriodSec(0);
        LimitWriteBuffers(database, cache, options.WriteBufferBytes);
        // The manifest remembers which write-ahead logs there must be and how long they were, so that one that went missing is noticed.
        Native.Instance.rocksdb_options_set_track_and_verify_wals_in_manifest(database.Handle, 1);
        // Closing in good order flushes by itself; closing after a failure must not try again what failed.
        Native.Instance.rocksdb_options_set_avoid_flush_during_shutdown(database.Handle, 1);
        BackgroundErrors.Listen(database, backgroundFailed);
        options.Configure?.Invoke(database);
        var opened = RocksDb.Open(database, options.Folder, families);
        GC.KeepAlive(cache);
        return opened;
    }

    /// <summary>The column families of a folder, RocksDB's own <c>default</c> left out.</summary>
    public static IEnumerable<string> FamiliesOf(string folder)
    {
        var options = new DbOptions();
        var names = RocksDb.ListColumnFamilies(options, folder);
        GC.KeepAlive(options);
        return names.Where(static name => name != "default");
    }

    /// <summary>Opens what is there without changing the folder. What the write-ahead log holds is read into memory.</summary>
    public static RocksDb OpenReadOnly(string folder)
    {
        const int cacheBytes = 32 * 1024 * 1024;
        var cache = Cache.CreateLru(cacheBytes);
        var families = new ColumnFamilies(Family(cache, cacheBytes))
        {
            { LogFamily, Family(cache, cacheBytes) },
            { HardFamily, Family(cache, cacheBytes) },
            { StateFamily, Family(cache, cacheBytes) },
        };
        var database = new DbOptions()
            .SetParanoidChecks()
            .SetWalRecoveryMode(Recovery.TolerateCorruptedTailRecords)
            .SetMaxOpenFiles(512);

        // Does nothing for folders whose manifest does not say which write-ahead logs there must be.
        Native.Instance.rocksdb_options_set_track_and_verify_wals_in_manifest(database.Handle, 1);
        var opened = RocksDb.OpenReadOnly(database, folder, families, errIfLogFileExists: false);
        GC.KeepAlive(cache);
        return opened;
    }

    /// <summary>Memtables of all families together, charged to the cache, so that one number bounds the store's memory.</summary>
    private static void LimitWriteBuffers(DbOptions database, Cache cache, long bytes)
    {
        const byte allowStall = 0;
        var manager = Native.Instance.rocksdb_write_buffer_manager_create_with_cache((UIntPtr)bytes, cache.Handle, allowStall);
        Native.Instance.rocksdb_options_set_write_buffer_manager(database.Handle, manager);
        // The options hold a reference of their own.
        Native.Instance.rocksdb_write_buffer_manager_destroy(manager);
    }

    /// <summary>
    /// Each slot's entries come in the order of their keys, and so do its rows, some hundred or thousand at a time. The memtable finds the place of the next one by that of the last, instead of
    /// searching among the entries of all slots, which took a third of the committer's time.
    /// </summary>
    private static ColumnFamilyOptions InsertedInOrder(ColumnFamilyOptions family)
    {
        var text = Marshal.StringToCoTaskMemUTF8($"memtable_insert_with_hint_prefix_extractor=fixed:{StoreKeys.SlotBytes}");
        try
        {
            Native.Instance.rocksdb_get_options_from_string(family.Handle, text, family.Handle);
            return family;
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }
    }

    /// <summary>Entries are deleted soon after they were written; compressing them costs more than the space is worth for so long.</summary>
    private static ColumnFamilyOptions Uncompressed(ColumnFamilyOptions family) => family.SetCompression(Compression.No);

    private static ColumnFamilyOptions Family(Cache cache, long writeBufferBytes) => new ColumnFamilyOptions()
        .SetWriteBufferSize((ulong)writeBufferBytes)
        .SetMaxWriteBufferNumber(3)
        .SetCompression(Compression.Lz4)
        .SetLevelCompactionDynamicLevelBytes(true)
        .SetBlockBasedTableFactory(new BlockBasedTableOptions()
            .SetBlockCache(cache)
            .SetCacheIndexAndFilterBlocks(true)
            .SetPinL0FilterAndIndexBlocksInCache(true)
            .SetFilterPolicy(BloomFilterPolicy.Create(10, use_block_based_builder: false))
            .SetBlockSize(16 * 1024));
}
