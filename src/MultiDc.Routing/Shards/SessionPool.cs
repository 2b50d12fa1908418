using System.Collections.Concurrent;

namespace MultiDc.Routing.Shards;

/// <summary>
/// The sessions of this process with one shard. A session has one write under way, so as many are opened as writes overlap, and each is
/// used again by later writes.
/// </summary>
internal sealed class SessionPool(int maxConcurrentWrites, TimeProvider time) : IDisposable
{
    private readonly ConcurrentBag<Lane> idle = [];
    private readonly SemaphoreSlim places = new(maxConcurrentWrites);

    /// <summary>Waits for a free place and takes an idle lane, or a new one without a session.</summary>
    /// <returns>The lane; null when the wait timed out.</returns>
    public async Task<Lane?> RentAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (!await places.WaitAsync(0, cancellationToken).ConfigureAwait(false))
        {
            using var deadline = new CancellationTokenSource(timeout, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
            try
            {
                await places.WaitAsync(either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return null;
            }
        }

        return idle.TryTake(out var lane) ? lane : new Lane();
    }

    public void Return(Lane lane)
    {
        idle.Add(lane);
        places.Release();
    }

    public void Dispose() => places.Dispose();

    /// <summary>One session and the number of its last write.</summary>
    internal sealed class Lane
    {
        private ulong lastSequence;

        public SessionId? Session { get; private set; }

        public void Open(SessionId session)
        {
            Session = session;
            lastSequence = 0;
        }

        public void Forget() => Session = null;

        public SessionSequence NextSequence() => new(++lastSequence);
    }
}
