namespace MultiDc.Server.Replication;

/// <summary>
/// Group commit over all shards that a silo leads. While enough writes are on their way, later ones wait at their replicas, and pass together as soon as a
/// majority has answered: one round of messages, one flush and hardly any waking of threads for all of them, where each shard's trickle would have its own.
/// Nagle's rule (RFC 896) with a bound: nobody waits for longer than the longest hold, and nobody waits at all where a majority takes
/// longer than that to answer, as over a wide area, where waiting costs more than it saves. Few writers never meet it.
/// </summary>
internal sealed class ProposalGate : IDisposable
{
    /// <summary>With fewer writes on their way nobody waits: there is little to be saved.</summary>
    internal const int MinUncommitted = 8;

    /// <summary>How long the quickest answer of a majority is remembered, at least.</summary>
    internal static readonly TimeSpan Memory = TimeSpan.FromSeconds(2);

    /// <summary>How often writes wait all the same where a majority takes too long, to see whether it still does.</summary>
    internal static readonly TimeSpan ProbePeriod = TimeSpan.FromSeconds(1);

    private readonly TimeSpan maxHold;
    private readonly TimeProvider time;
    private readonly ReplicaMetrics metrics;
    private readonly ITimer timer;
    private readonly Lock gate = new();
    private List<ProposalShare> waiting = [];
    private volatile bool isOpen = true;
    private int uncommitted;
    private bool isTimerSet;
    private long closedAt;
    private TimeSpan quickest = TimeSpan.MaxValue;
    private TimeSpan quickestBefore = TimeSpan.MaxValue;
    private long quickestSince;

    /// <param name="maxHold">The longest that a write waits; zero: none ever waits.</param>
    /// <param name="time">The clock.</param>
    /// <param name="metrics">Where it counts.</param>
    public ProposalGate(TimeSpan maxHold, TimeProvider time, ReplicaMetrics metrics)
    {
        this.maxHold = maxHold;
        this.time = time;
        this.metrics = metrics;
        closedAt = quickestSince = time.GetTimestamp();
        timer = time.CreateTimer(static state => ((ProposalGate)state!).EndHold(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Whether writes pass.</summary>
    public bool IsOpen => isOpen;

    /// <summary>A replica takes part.</summary>
    /// <param name="wake">Wakes it when it may propose what it was refused. From any thread.</param>
    public ProposalShare Join(Action wake) => new(this, wake);

    /// <summary>What was proposed so far is about to be written: if it is enough, what comes later waits until it is committed. From any thread.</summary>
    public void Close()
    {
        if (!isOpen || Volatile.Read(ref uncommitted) < MinUncommitted || maxHold <= TimeSpan.Zero)
        {
            return;
        }

        lock (gate)
        {
            var now = time.GetTimestamp();
            if (isOpen && uncommitted >= MinUncommitted && IsWorthwhile(now))
            {
                isOpen = false;
                closedAt = now;
                SetTimer(maxHold);
            }
        }
    }

    public void Dispose() => timer.Dispose();

    internal bool TryPass(ProposalShare share)
    {
        if (isOpen)
        {
            return true;
        }

        lock (gate)
        {
            if (!isOpen && !share.Waits)
            {
                share.Waits = true;
                waiting.Add(share);
            }

            return isOpen;
        }
    }

    internal void Count(int more)
    {
        lock (gate)
        {
            uncommitted += more;
            if (isOpen || uncommitted >= MinUncommitted)
            {
                return;
            }

            Open("committed");
        }

        WakeWaiting();
    }

    private void EndHold()
    {
        lock (gate)
        {
            isTimerSet = false;
            if (isOpen)
            {
                return;
            }

            if (time.GetElapsedTime(closedAt) is var held && held < maxHold)
            {
                // Set for a hold before this one, which ended sooner: setting it each time would wake the timers' thread each time.
                SetTimer(maxHold - held);
                return;
            }

            Open("expired");
        }

        WakeWaiting();
    }

    private void Open(string reason)
    {
        isOpen = true;
        var now = time.GetTimestamp();
        var took = time.GetElapsedTime(closedAt, now);
        Remember(now, reason == "expired" && took <= maxHold ? maxHold + TimeSpan.FromTicks(1) : took);
        metrics.ProposalHolds.Add(1, new KeyValuePair<string, object?>("reason", reason));
    }

    // Outside the lock: who is woken may come back at once.
    private void WakeWaiting()
    {
        List<ProposalShare> woken;
        lock (gate)
        {
            if (waiting.Count == 0)
            {
                return;
            }

            (waiting, woken) = ([], waiting);
            woken.ForEach(static share => share.Waits = false);
        }

        woken.ForEach(static share => share.Wake());
    }

    private void SetTimer(TimeSpan due)
    {
        if (!isTimerSet)
        {
            isTimerSet = true;
            timer.Change(due, Timeout.InfiniteTimeSpan);
        }
    }

    private bool IsWorthwhile(long now)
    {
        Forget(now);
        var known = quickest < quickestBefore ? quickest : quickestBefore;
        return known == TimeSpan.MaxValue || known <= maxHold || time.GetElapsedTime(closedAt, now) >= ProbePeriod;
    }

    private void Remember(long now, TimeSpan took)
    {
        Forget(now);
        if (took < quickest)
        {
            quickest = took;
        }
    }

    // The quickest, not the latest or the mean: a loaded silo takes long, too, and waiting is what takes load from it.
    private void Forget(long now)
    {
        var age = time.GetElapsedTime(quickestSince, now);
        if (age >= Memory)
        {
            quickestBefore = age < 2 * Memory ? quickest : TimeSpan.MaxValue;
            quickest = TimeSpan.MaxValue;
            quickestSince = now;
        }
    }
}

/// <summary>A replica's part in what its silo has on its way. Its pump's turns only, but for <see cref="TryPass"/>.</summary>
internal sealed class ProposalShare(ProposalGate gate, Action wake)
{
    private int counted;

    internal bool Waits { get; set; }

    internal Action Wake => wake;

    /// <summary>True: propose now. False: the replica is woken when it may. From any thread.</summary>
    public bool TryPass() => gate.TryPass(this);

    /// <summary>How many entries it has proposed as leader that are not committed.</summary>
    public void Report(int uncommitted)
    {
        if (uncommitted != counted)
        {
            var more = uncommitted - counted;
            counted = uncommitted;
            gate.Count(more);
        }
    }
}
