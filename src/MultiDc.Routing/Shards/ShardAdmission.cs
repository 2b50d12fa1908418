namespace MultiDc.Routing.Shards;

/// <summary>
/// How many requests this process has under way on one shard, and who waits. The limit finds itself as TCP's does: each prompt answer lets it grow by a little, so that it is one
/// greater when all that are under way were answered; a late answer, or none, makes it a fifth smaller, once in a while. Without it what is asked of a system that cannot keep
/// up waits in the silos, where it delays what the replicas say to each other, and is answered when nobody waits any more.
/// </summary>
internal sealed class ShardAdmission(ShardRouterOptions options, TimeProvider time)
{
    private const int FirstLimit = 128;
    private const double Shrinking = 0.8;
    private const double Smoothing = 0.1;
    private static readonly TimeSpan ShrinkPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromSeconds(2);

    private readonly Lock access = new();
    private readonly LinkedList<TaskCompletionSource> waiting = new();
    private double limit = Math.Clamp(FirstLimit, options.MinConcurrentRequestsPerShard, options.MaxConcurrentRequestsPerShard);
    private double smoothedSeconds;
    private int underWay;
    private long? shrunkAt;

    /// <summary>The most that are under way now.</summary>
    public int Limit
    {
        get
        {
            lock (access)
            {
                return (int)limit;
            }
        }
    }

    /// <summary>
    /// Waits for a place, in order, for half of the caller's patience: who is let in must have time left to be answered. Whoever is let in leaves by <see cref="Leave"/>.
    /// </summary>
    /// <returns>Null: let in. After what time to come again: refused, because too many wait, or none left in time.</returns>
    public async ValueTask<TimeSpan?> EnterAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        LinkedListNode<TaskCompletionSource> place;
        lock (access)
        {
            if (waiting.Count == 0 && underWay < (int)limit)
            {
                underWay++;
                return null;
            }

            if (waiting.Count >= options.MaxWaitingRequestsPerShard)
            {
                return RetryAfter();
            }

            place = waiting.AddLast(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        try
        {
            await place.Value.Task.WaitAsync(timeout / 2, time, cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            lock (access)
            {
                if (place.List is not null)
                {
                    waiting.Remove(place);
                    return exception is TimeoutException ? RetryAfter() : throw new OperationCanceledException(cancellationToken);
                }
            }

            // It was let in at the same moment.
            if (exception is TimeoutException)
            {
                return null;
            }

            Leave();
            throw;
        }
    }

    /// <summary>One who was let in is done.</summary>
    public void Leave()
    {
        lock (access)
        {
            underWay--;
            LetIn();
        }
    }

    /// <summary>How long a replica took to answer an attempt.</summary>
    /// <param name="took">How long.</param>
    /// <param name="prompt">What would be prompt.</param>
    public void Answered(TimeSpan took, TimeSpan prompt)
    {
        lock (access)
        {
            smoothedSeconds += Smoothing * (took.TotalSeconds - smoothedSeconds);
            if (took > prompt)
            {
                Shrink();
            }
            else if (underWay >= limit / 2)
            {
                // A limit that nobody reaches says nothing by not being too great.
                limit = Math.Min(limit + (1 / limit), options.MaxConcurrentRequestsPerShard);
                LetIn();
            }
        }
    }

    /// <summary>A replica did not answer an attempt in time, or refused it for being overloaded.</summary>
    public void Overloaded()
    {
        lock (access)
        {
            Shrink();
        }
    }

    // Once for all that were sent under the same limit.
    private void Shrink()
    {
        if (shrunkAt is not { } last || time.GetElapsedTime(last) >= ShrinkPause)
        {
            shrunkAt = time.GetTimestamp();
            limit = Math.Max(limit * Shrinking, options.MinConcurrentRequestsPerShard);
        }
    }

    private void LetIn()
    {
        while (underWay < (int)limit && waiting.First is { } next)
        {
            waiting.Remove(next);
            underWay++;
            next.Value.TrySetResult();
        }
    }

    // When those who wait have been answered, as far as one can tell.
    private TimeSpan RetryAfter()
    {
        var after = TimeSpan.FromSeconds(smoothedSeconds * (1 + (waiting.Count / limit)));
        return after < options.MinBackoff ? options.MinBackoff : after > LongestRetryAfter ? LongestRetryAfter : after;
    }
}
