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
    private Exception? probeFailure;

    public bool IsFull => Volatile.Read(ref full);

    /// <summary>Looks again, and says whether writes are refused.</summary>
    public bool Look()
    {
        lock (gate)
        {
            if (TryProbe() is not { } free)
            {
                Volatile.Write(ref full, true);
            }
            else if (!full && free < options.MinFreeBytes)
            {
                Volatile.Write(ref full, true);
                StoreLog.Full(logger, options.Folder, free, options.MinFreeBytes);
            }
            else if (full && free >= options.ResumeFreeBytes)
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
