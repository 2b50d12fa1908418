namespace MultiDc.Server.Replication;

/// <summary>What became of writes that are answered together. The first that is said of each counts.</summary>
internal sealed class WriteDecisions
{
    private readonly WriteResult?[] results;
    private readonly TaskCompletionSource all = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int open;

    /// <param name="count">How many writes there are: one at least.</param>
    public WriteDecisions(int count)
    {
        results = new WriteResult?[count];
        open = count;
    }

    /// <summary>Completed when all are decided.</summary>
    public Task All => all.Task;

    /// <summary>The result of a write; null: it is open.</summary>
    public WriteResult? Of(int write) => Volatile.Read(ref results[write]);

    /// <summary>Decides a write.</summary>
    public void Decide(int write, WriteResult result)
    {
        if (Interlocked.CompareExchange(ref results[write], result, null) is null && Interlocked.Decrement(ref open) == 0)
        {
            all.TrySetResult();
        }
    }
}
