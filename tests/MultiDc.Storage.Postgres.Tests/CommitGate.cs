namespace MultiDc.Storage.Postgres.Tests;

/// <summary>Stands before the store's statements: counts what passes, holds it, or lets nothing through any more.</summary>
internal sealed class CommitGate
{
    private readonly ManualResetEventSlim open = new(initialState: true);
    private volatile bool broken;
    private int commits;

    public int Commits => Volatile.Read(ref commits);

    /// <summary>For <see cref="PostgresReplicaStoreOptions.BeforeCommit"/>.</summary>
    public void Pass(int writes)
    {
        open.Wait();
        if (broken)
        {
            throw new IOException("the process crashed");
        }

        Interlocked.Increment(ref commits);
    }

    public void Open() => open.Set();

    /// <summary>What waits at the gate and what comes fails.</summary>
    public void Break()
    {
        broken = true;
        Open();
    }

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
