using Microsoft.Extensions.Logging;
using RocksDbSharp;

namespace MultiDc.Storage;

/// <summary>Writes to the <c>state</c> family: always past the write-ahead log, so that its rows are lost or kept in write order.</summary>
internal sealed class RocksDbStateWriter(StoreDatabase database, StoreFailure failure, FreeSpace space, ILogger logger)
{
    public void Put(WriteBatch batch, byte[] key, ReadOnlySpan<byte> value) => batch.Put(key, value, database.State.Handle);

    public void Delete(WriteBatch batch, byte[] key) => batch.Delete(key, database.State.Handle);

    public void Write(WriteBatch batch)
    {
        failure.ThrowIfFailed();
        try
        {
            database.WriteUnlogged(batch);
        }
        catch (RocksDbException exception)
        {
            throw failure.Fail(exception);
        }
    }

    /// <summary>Drops the rows of the generations from <paramref name="first"/> to <paramref name="last"/>, both included.</summary>
    public void DropGenerations(uint slot, uint first, uint last)
    {
        using var batch = new WriteBatch();
        var from = StoreKeys.Generation(slot, first);
        var to = StoreKeys.Generation(slot, checked(last + 1));
        batch.DeleteRange(from, (ulong)from.Length, to, (ulong)to.Length, database.State.Handle);
        Write(batch);
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
