using Microsoft.Extensions.Logging;

namespace MultiDc.Storage;

/// <summary>Begins writes to the <c>state</c> family.</summary>
internal sealed class RocksDbStateWriter(StoreDatabase database, StoreFailure failure, FreeSpace space, ILogger logger)
{
    public StateWrite Begin() => new(database, failure);

    public void DropGenerations(uint slot, uint first, uint last)
    {
        using var write = Begin();
        write.DropGenerations(slot, first, last);
        write.Commit();
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
