namespace MultiDc.Storage.Tests;

/// <summary>Stands before the store's disk: counts what passes, and holds it.</summary>
internal sealed class CommitGate
{
    private readonly ManualResetEventSlim open = new(initialState: true);
    private TaskCompletionSource waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int commits;

    public int Commits => Volatile.Read(ref commits);

    /// <summary>Completes when something stands at the gate, since it was last held.</summary>
    public Task Waiting => waiting.Task;

    /// <summary>For <see cref="RocksDbReplicaStoreOptions.BeforeCommit"/>.</summary>
    public void Pass(int writes)
    {
        waiting.TrySetResult();
        open.Wait();
        Interlocked.Increment(ref commits);
    }

    public void Open() => open.Set();

    public IDisposable Hold()
    {
        waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);
        open.Reset();
        return new Held(this);
    }

    private sealed class Held(CommitGate gate) : IDisposable
    {
        public void Dispose() => gate.Open();
    }
}
