using RocksDbSharp;

namespace MultiDc.Storage;

/// <summary>
/// One atomic write to the <c>state</c> family in the making. Keeps the database open from its first change on: the native batch
/// reaches into it with every change, not only when it is written.
/// </summary>
internal sealed class StateWrite(StoreDatabase database, StoreFailure failure, FreeSpace space) : IDisposable
{
    private readonly OperationGate.Lease lease = database.Enter();
    private readonly WriteBatch batch = new();

    public void Put(byte[] key, ReadOnlySpan<byte> value) => batch.Put(key, value, database.State.Handle);

    public void Delete(byte[] key) => batch.Delete(key, database.State.Handle);

    /// <summary>Deletes the rows of the generations from <paramref name="first"/> to <paramref name="last"/>, both included.</summary>
    public void DropGenerations(uint slot, uint first, uint last)
    {
        var from = StoreKeys.Generation(slot, first);
        var to = StoreKeys.Generation(slot, checked(last + 1));
        batch.DeleteRange(from, (ulong)from.Length, to, (ulong)to.Length, database.State.Handle);
    }

    /// <summary>
    /// Writes it to memory, past the write-ahead log, so that rows are lost or kept in write order. While RocksDB waits for space it takes
    /// nothing, and nothing has happened.
    /// </summary>
    public void Commit()
    {
        failure.ThrowIfFailed();
        if (space.IsDatabaseFull)
        {
            throw space.Exception();
        }

        try
        {
            database.WriteUnlogged(batch);
        }
        catch (RocksDbException exception) when (FreeSpace.IsNoSpace(exception))
        {
            space.NoteDatabaseFull();
            throw space.Exception();
        }
        catch (RocksDbException exception)
        {
            throw failure.Fail(exception);
        }
    }

    public void Dispose()
    {
        batch.Dispose();
        lease.Dispose();
    }
}
