using Microsoft.Extensions.Logging;

namespace MultiDc.Storage;

/// <summary>Begins writes to the <c>state</c> family.</summary>
internal sealed class RocksDbStateWriter(StoreDatabase database, StoreFailure failure, FreeSpace space, ILogger logger)
{
    public StateWrite Begin() => new(database, failure, space);

    /// <summary>Hands all of the opening's applied rows to RocksDB. Called with the slot's gate held, of the latest opening. On a full disk they stay where they are.</summary>
    public void WriteApplied(ReplicaOpening opening)
    {
        lock (opening.Slot.Writing)
        {
            WriteFrozen(opening);
            if (opening.Written != opening.Applied)
            {
                opening.Rows.Freeze(opening.Applied);
                WriteFrozen(opening);
            }
        }
    }

    /// <summary>Hands what is frozen to RocksDB, atomically and with its applied index, if this is the latest opening. On a full disk it stays where it is.</summary>
    public void WriteFrozen(ReplicaOpening opening)
    {
        lock (opening.Slot.Writing)
        {
            if (opening.Rows.FrozenUpTo is not { } applied || !opening.IsLatest)
            {
                return;
            }

            var (slot, generation) = (opening.Slot.Number, opening.Generation);
            using var write = Begin();
            foreach (var (key, value) in opening.Rows.FrozenInOrder())
            {
                var row = StoreKeys.Row(slot, generation, key.Span);
                if (value is { } bytes)
                {
                    write.Put(row, bytes.Span);
                }
                else
                {
                    write.Delete(row);
                }
            }

            // In the same batch as the rows it describes: after a crash it says exactly what they contain.
            write.Put(StoreKeys.Applied(slot, generation), StoreRecords.EncodeApplied(applied));
            write.Commit();
            opening.Written = applied;
            opening.Rows.HandOver();
        }
    }

    /// <summary>Throws what a write would, if none can be taken now.</summary>
    public void RequireTaking()
    {
        failure.ThrowIfFailed();
        if (space.IsDatabaseFull)
        {
            throw space.Exception();
        }
    }

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

    public void LogNotWritten(ReplicaName replica, Exception exception) => StoreLog.NotWritten(logger, replica, exception);

    public void LogInstalled(ReplicaName replica, ulong index) => StoreLog.Installed(logger, replica, index);
}
