using MultiDc.Grains;

namespace MultiDc.Routing.Shards;

/// <summary>
/// One kind of requests to one replica. A request that finds none under way is sent by itself and at once; those that come meanwhile wait, until the ones under way are answered or
/// have been so for a while, and then travel together: one call for all of them, which the replica proposes, flushes and answers together, so that their answers come together and
/// those who got them ask together again. The fuller the system, the larger the batches and the cheaper each request.
/// <para>As many wait as are let in, see <see cref="ShardAdmission"/>, and those whose callers have given up are not sent any more: it is no queue of its own.</para>
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
    private long waitingBytes;
    private int underWay;
    private int mostRequests = MaxRequests;
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

        // Whoever asks first would be remembered with all that flows with him.
        using (ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow())
        {
            hold = time.CreateTimer(static self => ((CallBatcher<TRequest, TReply>)self!).HeldLongEnough(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Asks the replica, alone or with others.</summary>
    /// <param name="grain">The replica, as it is reached now.</param>
    /// <param name="request">The request.</param>
    /// <param name="patience">How long the caller waits: after that it is not sent any more.</param>
    /// <param name="lost">Cancelled when a call on that way will not be answered any more: it ends then, as cancelled, and may have been heard.</param>
    /// <returns>The reply. What fails a call fails all that travelled in it, and says nothing of what became of them.</returns>
    public Task<TReply> AskAsync(IReplicaGrain grain, TRequest request, TimeSpan patience, CancellationToken lost)
    {
        var bytes = bytesOf(request);
        lock (access)
        {
            // After a batch others will ask at the same moment as this one.
            if (underWay > 0 || waiting.Count > 0 || lastWasMany)
            {
                var one = new Waiting(grain, request, bytes, time.GetTimestamp() + (long)(patience.TotalSeconds * time.TimestampFrequency), lost);
                waiting.AddLast(one);
                waitingBytes += bytes;
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
            batch = Take();
            if (batch.Count == 0)
            {
                return;
            }

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

        if (underWay == 0 || waiting.Count >= mostRequests || waitingBytes >= MaxBytes || time.GetElapsedTime(lastSentAt) >= Hold)
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
        var batch = new List<Waiting>(Math.Min(waiting.Count, mostRequests));
        var (bytes, now) = (0L, time.GetTimestamp());
        while (batch.Count < mostRequests && waiting.First is { Value: var next } && (batch.Count == 0 || bytes + next.Bytes <= MaxBytes))
        {
            waiting.RemoveFirst();
            waitingBytes -= next.Bytes;
            if (next.GivenUpAt <= now)
            {
                next.Reply.SetException(new TimeoutException("it waited for others for longer than its caller for it"));
                continue;
            }

            batch.Add(next);
            bytes += next.Bytes;
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
        var answered = batch.Count;
        try
        {
            // The way of the last who asked is the one that is open now.
            var (grain, lost) = (batch[^1].Grain, batch[^1].Lost);
            TReply[] replies = batch is [var single]
                ? [await askOne(grain, single.Request).WaitAsync(lost).ConfigureAwait(false)]
                : await askMany(grain, [.. batch.Select(static one => one.Request)]).WaitAsync(lost).ConfigureAwait(false);
            if (replies.Length == 0 || replies.Length > batch.Count)
            {
                throw new InvalidDataException($"{replies.Length} replies to {batch.Count} requests");
            }

            answered = replies.Length;
            for (var i = 0; i < answered; i++)
            {
                batch[i].Reply.SetResult(replies[i]);
            }
        }
        catch (Exception exception)
        {
            batch.ForEach(one => one.Reply.TrySetException(exception));
        }

        lock (access)
        {
            for (var i = batch.Count - 1; i >= answered; i--)
            {
                waiting.AddFirst(batch[i]);
                waitingBytes += batch[i].Bytes;
            }

            // Where replies are large the others go at once, in as many calls as it takes: one after the other would take as many times as long.
            mostRequests = answered < batch.Count ? answered : batch.Count == mostRequests ? Math.Min(2 * mostRequests, MaxRequests) : mostRequests;
            End(sentAt);
        }
    }

    private sealed class Waiting(IReplicaGrain grain, TRequest request, long bytes, long givenUpAt, CancellationToken lost)
    {
        public IReplicaGrain Grain => grain;

        public TRequest Request => request;

        public long Bytes => bytes;

        /// <summary>The timestamp after which nobody waits for it.</summary>
        public long GivenUpAt => givenUpAt;

        public CancellationToken Lost => lost;

        public TaskCompletionSource<TReply> Reply { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
