using MultiDc.Server.Replication;

namespace MultiDc.Server.Founding;

/// <summary>
/// Who of a silo's replicas may ask to be founded now: a few at a time, the others in the order in which they came. All of a new keyspace's begin at the same moment, and each asks the ring and the other
/// datacenters: thousands at once would keep the ring from answering any of them, and the silos from all else.
/// </summary>
internal sealed class FoundingTurns(ReplicaMetrics metrics) : IDisposable
{
    /// <summary>As many as keep the ring busy with what it can carry out together.</summary>
    public const int AtOnce = 32;

    private readonly SemaphoreSlim free = new(AtOnce);

    /// <summary>Waits for a turn, which ends when the answer is disposed of.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled before.</exception>
    public async ValueTask<IDisposable> TakeAsync(CancellationToken cancellationToken)
    {
        metrics.FoundingsWaiting.Add(1);
        try
        {
            await free.WaitAsync(cancellationToken);
        }
        finally
        {
            metrics.FoundingsWaiting.Add(-1);
        }

        return new Turn(free);
    }

    public void Dispose() => free.Dispose();

    private sealed class Turn(SemaphoreSlim free) : IDisposable
    {
        private int ended;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref ended, 1) == 0)
            {
                try
                {
                    free.Release();
                }
                catch (ObjectDisposedException)
                {
                    // The silo has ended, and nobody waits any more.
                }
            }
        }
    }
}
