namespace MultiDc.Storage;

/// <summary>Keeps the native database open while a call is inside it, and every call out once it closes.</summary>
internal sealed class OperationGate
{
    private const int Closed = int.MinValue;

    private readonly TaskCompletionSource drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int state;

    /// <summary>Enters; the lease leaves when it is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The store is disposed.</exception>
    public Lease Enter()
    {
        if (Interlocked.Increment(ref state) > 0)
        {
            return new Lease(this);
        }

        Exit();
        throw new ObjectDisposedException(nameof(RocksDbReplicaStore));
    }

    /// <summary>Lets nobody in any more; completes when the last one left.</summary>
    public Task CloseAsync()
    {
        if (Interlocked.Or(ref state, Closed) == 0)
        {
            drained.TrySetResult();
        }

        return drained.Task;
    }

    private void Exit()
    {
        if (Interlocked.Decrement(ref state) == Closed)
        {
            drained.TrySetResult();
        }
    }

    public readonly struct Lease(OperationGate gate) : IDisposable
    {
        public void Dispose() => gate.Exit();
    }
}
