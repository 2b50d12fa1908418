using Microsoft.Extensions.Logging;

namespace MultiDc.Storage;

/// <summary>
/// Refuses writes before RocksDB meets a full disk, which it would not survive without being reopened. Full below one mark and free
/// again above a higher one, so that the store does not flap between the two.
/// </summary>
internal sealed class FreeSpace(RocksDbReplicaStoreOptions options, ILogger logger)
{
    private readonly Func<long> probe = options.FreeSpaceProbe ?? (() => new DriveInfo(options.Folder).AvailableFreeSpace);
    private readonly Lock gate = new();
    private bool full;
    private bool databaseFull;
    private Func<bool>? databaseRecovers;
    private Exception? probeFailure;

    public bool IsFull => Volatile.Read(ref full) || IsDatabaseFull;

    /// <summary>Whether RocksDB waits for space. A write would wait with it.</summary>
    public bool IsDatabaseFull => Volatile.Read(ref databaseFull);

    /// <summary>
    /// RocksDB met a full disk all the same: another program took the reserve. It waits for space by itself; until
    /// <see cref="WatchDatabase"/>'s question is answered with yes there is none.
    /// </summary>
    public void NoteDatabaseFull() => Volatile.Write(ref databaseFull, true);

    /// <summary>How to ask whether RocksDB takes writes again after it met a full disk.</summary>
    public void WatchDatabase(Func<bool> recovers) => databaseRecovers = recovers;

    /// <summary>Whether RocksDB says that the disk is full. It has only texts to tell its errors apart.</summary>
    public static bool IsNoSpace(Exception exception) => exception.Message.Contains("No space left on device", StringComparison.Ordinal);

    /// <summary>Looks again, and says whether writes are refused.</summary>
    public bool Look()
    {
        lock (gate)
        {
            if (TryProbe() is not { } free)
            {
                Volatile.Write(ref full, true);
            }
            else if (!full && (free < options.MinFreeBytes || Volatile.Read(ref databaseFull)))
            {
                Volatile.Write(ref full, true);
                StoreLog.Full(logger, options.Folder, free, options.MinFreeBytes);
            }
            else if (full && free >= options.ResumeFreeBytes && DatabaseTakesWrites())
            {
                Volatile.Write(ref full, false);
                StoreLog.SpaceReturned(logger, options.Folder, free);
            }

            return full;
        }
    }

    public StoreFullException Exception() => new(
        $"the store in {options.Folder} has too little free space; writes are taken again from {options.ResumeFreeBytes} bytes on",
        probeFailure);

    private bool DatabaseTakesWrites()
    {
        if (Volatile.Read(ref databaseFull))
        {
            // Before it is asked, so that what it meets meanwhile is not forgotten.
            Volatile.Write(ref databaseFull, false);
            if (databaseRecovers?.Invoke() == false)
            {
                NoteDatabaseFull();
            }
        }

        return !Volatile.Read(ref databaseFull);
    }

    private long? TryProbe()
    {
        try
        {
            var free = probe();
            probeFailure = null;
            return free;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            if (probeFailure is null)
            {
                StoreLog.ProbeFailed(logger, exception, options.Folder);
            }

            probeFailure = exception;
            return null;
        }
    }
}
