using Microsoft.Extensions.Logging;

namespace MultiDc.Storage;

/// <summary>Begins writes to the <c>state</c> family.</summary>
internal sealed class RocksDbStateWriter(StoreDatabase database, StoreFailure failure, FreeSpace space, ILogger logger)
{
    public StateWrite Begin() => new(database, failure, space);

    /// <summary>Drops rows that nobody reads. On a full disk they stay until the replica is opened next.</summary>
    public void DropGenerations(uint slot, uint first, uint last)
    {
        using var write = Begin();
        write.DropGenerations(slot, first, last);
        try
        {
            write.Commit();
        }
        catch (StoreFullException exception)
        {
            StoreLog.NotDropped(logger, slot, exception);
        }
    }

    /// <summary>Whether RocksDB takes writes: it does not while it waits for space.</summary>
    public bool TakesWrites()
    {
        try
        {
            using var write = Begin();
            write.Delete(StoreKeys.Generation(uint.MaxValue, uint.MaxValue));
            write.Commit();
            return true;
        }
        catch (Exception exception) when (exception is StoreFullException or StoreFailedException or ObjectDisposedException)
        {
            return false;
        }
    }

    public void RequireSpace()
    {
        if (space.Look())
        {
            throw space.Exception();
        }
    }

    public void LogInstalled(ReplicaName replica, ulong index) => StoreLog.Installed(logger, replica, index);
}
