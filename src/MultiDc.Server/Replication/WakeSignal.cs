using System.Runtime.CompilerServices;

namespace MultiDc.Server.Replication;

/// <summary>
/// What one loop waits for, from any thread: it is set, however often, and the loop that awaits it goes on where it was, on its own scheduler. Nothing is
/// allocated for waiting and waking, which a replica does several times for each write and each tick.
/// </summary>
internal sealed class WakeSignal : ICriticalNotifyCompletion
{
    private readonly Lock gate = new();
    private bool isSet;
    private bool hasEnded;
    private Action? waiter;
    private SynchronizationContext? waiterContext;
    private TaskScheduler? waiterScheduler;

    /// <summary>Whether whoever awaits it now goes on at once.</summary>
    public bool IsCompleted
    {
        get
        {
            lock (gate)
            {
                return isSet || hasEnded;
            }
        }
    }

    /// <summary>Awaited by one at a time; the result is false when it has ended.</summary>
    public WakeSignal GetAwaiter() => this;

    /// <summary>Lets the waiter go on, now or when it next waits.</summary>
    public void Set() => Wake(ends: false);

    /// <summary>Lets the waiter go on for good.</summary>
    public void End() => Wake(ends: true);

    /// <summary>From here on <see cref="Set"/> counts again.</summary>
    public void Reset()
    {
        lock (gate)
        {
            isSet = false;
        }
    }

    public bool GetResult()
    {
        lock (gate)
        {
            return !hasEnded;
        }
    }

    public void OnCompleted(Action continuation)
    {
        var context = ExecutionContext.Capture();
        UnsafeOnCompleted(context is null ? continuation : () => ExecutionContext.Run(context, static state => ((Action)state!)(), continuation));
    }

    public void UnsafeOnCompleted(Action continuation)
    {
        var context = SynchronizationContext.Current;
        var scheduler = TaskScheduler.Current;
        lock (gate)
        {
            Invariant.Require(waiter is null, "one loop waits for the signal");
            if (!isSet && !hasEnded)
            {
                (waiter, waiterContext, waiterScheduler) = (continuation, context, scheduler);
                return;
            }
        }

        Schedule(continuation, context, scheduler);
    }

    private void Wake(bool ends)
    {
        Action? woken;
        SynchronizationContext? context;
        TaskScheduler? scheduler;
        lock (gate)
        {
            isSet = true;
            hasEnded |= ends;
            (woken, context, scheduler) = (waiter, waiterContext, waiterScheduler);
            waiter = null;
        }

        if (woken is not null)
        {
            Schedule(woken, context, scheduler!);
        }
    }

    // As the compiler's own awaiters do: the context first, then the scheduler, then the pool.
    private static void Schedule(Action continuation, SynchronizationContext? context, TaskScheduler scheduler)
    {
        if (context is not null)
        {
            context.Post(static state => ((Action)state!)(), continuation);
        }
        else if (scheduler != TaskScheduler.Default)
        {
            Task.Factory.StartNew(continuation, CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler);
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(static state => state(), continuation, preferLocal: false);
        }
    }
}
