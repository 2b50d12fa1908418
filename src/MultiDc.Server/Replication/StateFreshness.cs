namespace MultiDc.Server.Replication;

/// <summary>
/// How old a replica's state may be. It asks its leader how far the log is committed (dissertation §6.4): what was acknowledged to anybody before it asked
/// is no further, so once that is applied here, the state is no older than the moment of asking. Both ends of an age are read from this silo's own
/// monotonic clock.
/// </summary>
/// <param name="ask">Asks the leader; null: it does not say.</param>
/// <param name="wait">Waits until the index is applied here; false: it will not be.</param>
/// <param name="time">The clock.</param>
internal sealed class StateFreshness(Func<CancellationToken, Task<LogIndex?>> ask, Func<LogIndex, Task<bool>> wait, TimeProvider time)
{
    // An answer that takes longer proves an age that hardly anybody asks for.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Lock gate = new();
    private Task<bool> asking = Task.FromResult(false);
    private Task<bool>? next;
    private long? freshAt;

    /// <summary>A time stamp at which everything that had been acknowledged is in the state by now; null: none is known.</summary>
    public long? FreshAt
    {
        get
        {
            lock (gate)
            {
                return freshAt;
            }
        }
    }

    /// <summary>Asks the leader, unless that is under way. Ends when it has answered and that is applied, or it is clear that it will not be. Never faults.</summary>
    public Task RefreshAsync()
    {
        lock (gate)
        {
            // One at a time, whoever waits for it. What had begun before a reader came may prove too little for it; then it asks again.
            return asking.IsCompleted ? asking = AskAsync() : asking;
        }
    }

    /// <summary>
    /// Waits until all that had been acknowledged when this was called is in the state. One question may answer many callers, but none that was asked before they called.
    /// </summary>
    /// <returns>False: the leader did not tell, or that was not applied.</returns>
    public Task<bool> CatchUpAsync()
    {
        lock (gate)
        {
            if (asking.IsCompleted)
            {
                return asking = AskAsync();
            }

            return next ??= AskAfterAsync(asking);
        }
    }

    private async Task<bool> AskAfterAsync(Task before)
    {
        // Off the lock, though what came before may just have ended.
        await Task.Yield();
        await before;
        Task<bool> own;
        lock (gate)
        {
            // Whoever calls from here on comes too late for it. If meanwhile another was asked, some may have come too late for that.
            next = null;
            asking = own = AskAsync();
        }

        return await own;
    }

    private async Task<bool> AskAsync()
    {
        // Off the lock, and before asking: nothing that was acknowledged after this moment counts.
        await Task.Yield();
        var askedAt = time.GetTimestamp();
        using var patience = new CancellationTokenSource(Patience, time);
        try
        {
            if (await ask(patience.Token) is { } index && await wait(index).WaitAsync(patience.Token))
            {
                lock (gate)
                {
                    freshAt = freshAt > askedAt ? freshAt : askedAt;
                }

                return true;
            }
        }
        catch (Exception)
        {
            // No leader is known or in reach, or it does not answer: the state grows older, and readers are told how old.
        }

        return false;
    }
}
