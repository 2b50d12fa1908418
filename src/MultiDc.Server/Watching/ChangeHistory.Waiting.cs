using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Watching;

/// <summary>
/// Who waits for a change. The pump only says that something has changed; a thread of the pool looks for whom, so that many watchers cost the pump
/// nothing, and wakes only those whose keys have changed.
/// </summary>
internal sealed partial class ChangeHistory : IThreadPoolWorkItem
{
    private readonly Lock waitersGate = new();
    private readonly Dictionary<ReadOnlyMemory<byte>, HashSet<HistoryWaiter>> byKey = new(ByteMemoryComparer.Instance);
    private readonly HashSet<HistoryWaiter> byPrefix = [];
    private int waiting;
    private int isWaking;

    // Up to where waiters were looked for.
    private Revision wokenUpTo;

    /// <summary>How many wait.</summary>
    public int Waiting => Volatile.Read(ref waiting);

    /// <summary>For tests: of how many keys it is remembered that somebody waits for them.</summary>
    internal int WatchedKeys
    {
        get
        {
            lock (waitersGate)
            {
                return byKey.Count;
            }
        }
    }

    /// <summary>Whether a watch that goes on here goes on from now.</summary>
    public bool UnsafeResumeFromNow => options.UnsafeResumeFromNow;

    /// <summary>
    /// Begins to wait for a change after the revision; null when too many wait. What has come meanwhile is not waited for: read once more before waiting,
    /// and <see cref="Leave"/> in any case.
    /// </summary>
    public HistoryWaiter? TryWait(WatchFilter filter, Revision after)
    {
        var waiter = new HistoryWaiter(filter, after);
        lock (waitersGate)
        {
            if (waiting >= options.MaxWaiting)
            {
                return null;
            }

            if (waiting == 0)
            {
                // Whoever waits reads once more, so what is there already needs no looking at.
                wokenUpTo = UpTo;
            }

            if (filter.IsPrefix)
            {
                byPrefix.Add(waiter);
            }
            else if (byKey.TryGetValue(filter.Bytes, out var others))
            {
                others.Add(waiter);
            }
            else
            {
                byKey.Add(filter.Bytes, [waiter]);
            }

            // Before the waiter looks at the history: whoever adds behind that look sees that somebody waits.
            Interlocked.Increment(ref waiting);
        }

        metrics?.WatchersWaiting.Add(1);
        return waiter;
    }

    /// <summary>Waits no longer.</summary>
    public void Leave(HistoryWaiter waiter)
    {
        lock (waitersGate)
        {
            var key = waiter.Filter.Bytes;
            if (waiter.Filter.IsPrefix)
            {
                byPrefix.Remove(waiter);
            }
            else if (byKey.TryGetValue(key, out var others))
            {
                // Whoever was woken is not among them any more.
                others.Remove(waiter);
                if (others.Count == 0)
                {
                    byKey.Remove(key);
                }
            }

            Interlocked.Decrement(ref waiting);
        }

        metrics?.WatchersWaiting.Add(-1);
    }

    void IThreadPoolWorkItem.Execute()
    {
        Volatile.Write(ref isWaking, 0);
        var woken = new List<HistoryWaiter>();
        while (TakeThoseWhoWaitForNext(woken))
        {
            woken.ForEach(static waiter => waiter.Wake());
            woken.Clear();
        }
    }

    // False: there is nothing new.
    private bool TakeThoseWhoWaitForNext(List<HistoryWaiter> woken)
    {
        lock (waitersGate)
        {
            if (!CopyNext(out var changes))
            {
                return false;
            }

            foreach (var change in changes)
            {
                if (byKey.TryGetValue(change.Key, out var waiters))
                {
                    Take(waiters, change, woken);
                }

                Take(byPrefix, change, woken);
            }

            return true;
        }
    }

    private static void Take(HashSet<HistoryWaiter> waiters, in Change change, List<HistoryWaiter> woken)
    {
        foreach (var waiter in waiters)
        {
            if (change.Revision.Value > waiter.After.Value && waiter.Filter.Matches(change.Key.Span))
            {
                // Once woken it is in nobody's way any more.
                waiters.Remove(waiter);
                woken.Add(waiter);
            }
        }
    }

    // Changes that waiters were not yet looked for; what was forgotten before that, whoever waits finds out by reading again.
    private bool CopyNext(out Change[] changes)
    {
        lock (gate)
        {
            var from = IndexAfter(wokenUpTo);
            var to = Math.Min(from + MaxScanned, count);
            while (to > from && to < count && At(to).Revision == At(to - 1).Revision)
            {
                to++;
            }

            changes = new Change[to - from];
            for (var i = 0; i < changes.Length; i++)
            {
                changes[i] = At(from + i);
            }

            wokenUpTo = changes.Length > 0 ? changes[^1].Revision : wokenUpTo;
            return changes.Length > 0;
        }
    }

    private void WakeThoseWhoWait()
    {
        if (Volatile.Read(ref waiting) > 0 && Interlocked.Exchange(ref isWaking, 1) == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    private void WakeAll()
    {
        HistoryWaiter[] all;
        lock (waitersGate)
        {
            all = [.. byPrefix, .. byKey.Values.SelectMany(static waiters => waiters)];
        }

        Array.ForEach(all, static waiter => waiter.Wake());
    }
}

/// <summary>One watcher that waits for a change.</summary>
internal sealed class HistoryWaiter(WatchFilter filter, Revision after)
{
    private readonly TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public WatchFilter Filter => filter;

    public Revision After => after;

    /// <summary>Something it waits for has changed, or the history has ended or begun anew.</summary>
    public Task Changed => changed.Task;

    public void Wake() => changed.TrySetResult();
}
