using System.Runtime.InteropServices;
using RocksDbSharp;

namespace MultiDc.Storage;

/// <summary>
/// Hears of what fails in RocksDB's own threads. It would try a failed flush again by itself and go on as if nothing had happened; the
/// store must know, and stop.
/// </summary>
internal static class BackgroundErrors
{
    // Native code calls these until the last copy of the options is gone, which is later than the database: they are never collected.
    private static readonly on_background_error_cb BackgroundError = Report;
    private static readonly Destructor_Delegate Freed = static state => GCHandle.FromIntPtr(state).Free();
    private static readonly on_flush_begin_cb FlushBegin = static (_, _, _) => { };
    private static readonly on_flush_completed_cb FlushCompleted = static (_, _, _) => { };
    private static readonly on_compaction_begin_cb CompactionBegin = static (_, _, _) => { };
    private static readonly on_compaction_completed_cb CompactionCompleted = static (_, _, _) => { };
    private static readonly on_subcompaction_begin_cb SubcompactionBegin = static (_, _) => { };
    private static readonly on_subcompaction_completed_cb SubcompactionCompleted = static (_, _) => { };
    private static readonly on_external_file_ingested_cb FileIngested = static (_, _, _) => { };
    private static readonly on_stall_conditions_changed_cb StallChanged = static (_, _) => { };
    private static readonly on_memtable_sealed_cb MemTableSealed = static (_, _) => { };

    /// <summary>Calls <paramref name="failed"/> on RocksDB's thread with every background error of the databases opened with the options.</summary>
    public static void Listen(DbOptions options, Action<RocksDbException> failed)
    {
        var listener = Native.Instance.rocksdb_eventlistener_create(
            GCHandle.ToIntPtr(GCHandle.Alloc(failed)),
            Freed,
            FlushBegin,
            FlushCompleted,
            CompactionBegin,
            CompactionCompleted,
            SubcompactionBegin,
            SubcompactionCompleted,
            FileIngested,
            BackgroundError,
            StallChanged,
            MemTableSealed);
        // The options own the listener from here on.
        Native.Instance.rocksdb_options_add_eventlistener(options.Handle, listener);
    }

    private static void Report(nint state, uint reason, nint status)
    {
        try
        {
            Native.Instance.rocksdb_status_ptr_get_error(status);
        }
        catch (RocksDbException exception)
        {
            ((Action<RocksDbException>)GCHandle.FromIntPtr(state).Target!)(exception);
        }
    }
}
