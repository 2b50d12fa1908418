namespace MultiDc.Storage.Tests;

/// <summary>Stands before the committer's disk: counts commits, and holds them.</summary>
internal sealed class CommitGate
{
    private readonly ManualResetEventSlim open = new(initialState: true);
    private int commits;

    public int Commits => Volatile.Read(ref commits);

    /// <summary>For <see cref="RocksDbReplicaStoreOptions.BeforeCommit"/>.</summary>
    public void Pass(int writes)
    {
        open.Wait();
        Interlocked.Increment(ref commits);
    }

    public void Open() => open.Set();

    public IDisposable Hold()
    {
        open.Reset();
        return new Held(this);
    }

    private sealed class Held(CommitGate gate) : IDisposable
    {
        public void Dispose() => gate.Open();
    }
}
