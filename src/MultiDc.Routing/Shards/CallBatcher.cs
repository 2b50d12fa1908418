using MultiDc.Grains;

namespace MultiDc.Routing.Shards;

/// <summary>
/// One kind of requests to one replica. A request that finds none under way is sent by itself and at once; those that come meanwhile wait, until the ones under way are answered or
/// have been so for a while, and then travel together: one call for all of them, which the replica proposes, flushes and answers together, so that their answers come together and
/// those who got them ask together again. The fuller the system, the larger the batches and the cheaper each request.
/// <para>As many wait as are let in, see <see cref="ShardAdmission"/>: it is no queue of its own.</para>
/// </summary>
/// <typeparam name="TRequest">A request.</typeparam>
/// <typeparam name="TReply">Its reply.</typeparam>
internal sealed class CallBatcher<TRequest, TReply> : IThreadPoolWorkItem
    where TReply : class
{
    private const int MaxRequests = 256;
    private const long MaxBytes = 512 * 1024;
    private const double Smoothing = 0.2;

    /// <summary>The longest that a request waits for others while nobody is answered: little beside a call that takes longer than it.</summary>
    private static readonly TimeSpan LongestHold = TimeSpan.FromMilliseconds(1);

    private readonly Lock access = new();
    private readonly Func<IReplicaGrain, TRequest, Task<TReply>> askOne;
    private readonly Func<IReplicaGrain, TRequest[], Task<TReply[]>> askMany;
    private readonly Func<TRequest, long> bytesOf;
    private readonly TimeProvider time;
    private readonly ITimer hold;
    private readonly LinkedList<Waiting> waiting = new();
    private int underWay;
    private long lastSentAt;
    private TimeSpan smoothedDuration = 2 * LongestHold;
    private bool lastWasMany;
    private bool isFlushQueued;
    private bool isHolding;

    /// <param name="askOne">Sends one request.</param>
    /// <param name="askMany">Sends some; its replies are in the same order, and may be fewer, but one at least: the others are asked again.</param>
    /// <param name="bytesOf">How many bytes a request carries.</param>
    /// <param name="time">Tells how long a request has waited.</param>
    public CallBatcher(
        Func<IReplicaGrain, TRequest, Task<TReply>> askOne, Func<IReplicaGrain, TRequest[], Task<TReply[]>> askMany, Func<TRequest, long> bytesOf, TimeProvider time)
    {
        this.askOne = askOne;
        this.askMany = askMany;
        this.bytesOf = bytesOf;
        this.time = time;
        hold = time.CreateTimer(static self => ((CallBatcher<TRequest, TReply>)self!).HeldLongEnough(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Asks the replica, alone or with others.</summary>
    /// <param name="grain">The replica, as it is reached now.</param>
    /// <param name="request">The request.</param>
    /// <param name="lost">Cancelled when a call on that way will not be answered any more: it ends then, as cancelled, and may have been heard.</param>
    /// <returns>The reply. What fails a call fails all that travelled in it, and says nothing of what became of them.</returns>
    public Task<TReply> AskAsync(IReplicaGrain grain, TRequest request, CancellationToken lost)
    {
        lock (access)
        {
            // After a batch others will ask at the same moment as this one.
            if (underWay > 0 || waiting.Count > 0 || lastWasMany)
            {
                var one = new Waiting(grain, request, lost);
                waiting.AddLast(one);
                FlushOrHold();
                return one.Reply.Task;
            }

            Begin(many: false);
        }

        return SendOneAsync(grain, request, lost);
    }

    /// <summary>On a thread of the pool, behind those who were answered just now and may have more to ask.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        List<Waiting> batch;
        lock (access)
        {
            isFlushQueued = false;
            if (waiting.Count == 0)
            {
                lastWasMany &= underWay > 0;
                return;
            }

            batch = Take();
            Begin(batch.Count > 1);
            FlushOrHold();
        }

        _ = SendAsync(batch);
    }

    private void FlushOrHold()
    {
        if (isFlushQueued || waiting.Count == 0)
        {
            return;
        }

        if (underWay == 0 || waiting.Count >= MaxRequests || time.GetElapsedTime(lastSentAt) >= Hold)
        {
            isFlushQueued = true;
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
        else if (!isHolding)
        {
            isHolding = true;
            hold.Change(LongestHold, Timeout.InfiniteTimeSpan);
        }
    }

    // Two batches are under way at once when calls are quick; more when they are slow, as over a long distance.
    private TimeSpan Hold => smoothedDuration / 2 < LongestHold ? smoothedDuration / 2 : LongestHold;

    private void HeldLongEnough()
    {
        lock (access)
        {
            isHolding = false;
            FlushOrHold();
        }
    }

    private List<Waiting> Take()
    {
        var batch = new List<Waiting>(Math.Min(waiting.Count, MaxRequests));
        var bytes = 0L;
        while (batch.Count < MaxRequests && waiting.First is { Value: var next } && (batch.Count == 0 || bytes + bytesOf(next.Request) <= MaxBytes))
        {
            waiting.RemoveFirst();
            batch.Add(next);
            bytes += bytesOf(next.Request);
        }

        return batch;
    }

    private void Begin(bool many)
    {
        underWay++;
        lastSentAt = time.GetTimestamp();
        lastWasMany = many;
    }

    private void End(long sentAt)
    {
        underWay--;
        smoothedDuration += Smoothing * (time.GetElapsedTime(sentAt) - smoothedDuration);
        FlushOrHold();
    }

    private async Task<TReply> SendOneAsync(IReplicaGrain grain, TRequest request, CancellationToken lost)
    {
        var sentAt = time.GetTimestamp();
        try
        {
            return await askOne(grain, request).WaitAsync(lost).ConfigureAwait(false);
        }
        finally
        {
            lock (access)
            {
                End(sentAt);
            }
        }
    }

    private async Task SendAsync(List<Waiting> batch)
    {
        var sentAt = time.GetTimestamp();
        var replies = 0;
        try
        {
            // The way of the last who asked is the one that is open now.
            var (grain, _, lost) = batch[^1];
            if (batch is [var single])
            {
                single.Reply.SetResult(await askOne(grain, single.Request).WaitAsync(lost).ConfigureAwait(false));
                replies = 1;
            }
            else
            {
                foreach (var reply in await askMany(grain, [.. batch.Select(static one => one.Request)]).WaitAsync(lost).ConfigureAwait(false))
                {
                    batch[replies++].Reply.SetResult(reply);
                }
            }
        }
        catch (Exception exception)
        {
            batch.ForEach(one => one.Reply.TrySetException(exception));
            replies = batch.Count;
        }

        lock (access)
        {
            for (var i = batch.Count - 1; i >= replies; i--)
            {
                waiting.AddFirst(batch[i]);
            }

            End(sentAt);
        }
    }

    private sealed record Waiting(IReplicaGrain Grain, TRequest Request, CancellationToken Lost)
    {
        public TaskCompletionSource<TReply> Reply { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
