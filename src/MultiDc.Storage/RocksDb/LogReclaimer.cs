using Microsoft.Extensions.Logging;
using RocksDbSharp;

namespace MultiDc.Storage;

/// <summary>
/// Gives back the disk space of compacted log entries, and of the rows of erased replicas. To RocksDB a deletion is one more record, which takes effect when files happen to be
/// merged: a log that stopped growing would keep its bytes for ever. So once enough was compacted, the files are merged.
/// </summary>
internal sealed class LogReclaimer(
    RocksDbReplicaStoreOptions options,
    StoreDatabase database,
    StateFlusher flusher,
    StoreFailure failure,
    FreeSpace space,
    ILogger logger)
{
    private readonly Lock gate = new();
    private readonly List<uint> erased = [];
    private long compactedBytes;
    private Task running = Task.CompletedTask;

    /// <summary>Completes when everything compacted before is off the disk, down to the threshold. For tests.</summary>
    public Task Running
    {
        get
        {
            lock (gate)
            {
                return running;
            }
        }
    }

    /// <summary>About so many bytes of entries were compacted, durably.</summary>
    public void NoteCompacted(long bytes)
    {
        lock (gate)
        {
            compactedBytes += bytes;
            if (running.IsCompleted && compactedBytes >= options.ReclaimLogBytes)
            {
                running = Task.Run(ReclaimAsync);
            }
        }
    }

    /// <summary>The rows of the slot were dropped. Those of many slots are cleared out together.</summary>
    public void NoteErased(uint slot)
    {
        lock (gate)
        {
            erased.Add(slot);
            if (running.IsCompleted)
            {
                running = Task.Run(ReclaimAsync);
            }
        }
    }

    private async Task ReclaimAsync()
    {
        while (Take(out var logs, out var slots))
        {
            try
            {
                // Rows that are not flushed keep the write-ahead logs of their time alive, though they are not in them.
                await flusher.FlushAsync().ConfigureAwait(false);
                foreach (var slot in slots)
                {
                    database.CompactState(StoreKeys.Generation(slot, 0), StoreKeys.Generation(checked(slot + 1), 0));
                }

                if (logs)
                {
                    database.FlushLogs();
                    database.CompactLog();
                }

                StoreLog.Reclaimed(logger, options.Folder);
            }
            catch (Exception exception) when (exception is StoreFailedException or StoreFullException or ObjectDisposedException)
            {
                // Told to whoever writes next; the files are merged another time.
                return;
            }
            catch (RocksDbException exception) when (FreeSpace.IsNoSpace(exception))
            {
                space.NoteDatabaseFull();
                return;
            }
            catch (RocksDbException exception)
            {
                failure.Fail(exception);
                return;
            }
        }
    }

    private bool Take(out bool logs, out uint[] slots)
    {
        lock (gate)
        {
            logs = compactedBytes >= options.ReclaimLogBytes;
            slots = [.. erased];
            erased.Clear();
            if (!logs && slots.Length == 0)
            {
                // Under the gate, so that whoever compacts more now starts a new run.
                running = Task.CompletedTask;
                return false;
            }

            compactedBytes = logs ? 0 : compactedBytes;
            return true;
        }
    }
}
