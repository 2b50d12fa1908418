using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>
/// Threads of their own for the pumps of a silo. The thread pool belongs to the grains: a few busy ones starve everything else on it for
/// longer than an election timeout, and a leader whose pump is starved loses its followers.
/// <para>
/// One thread does all the work for as long as it keeps up; when something has waited too long for it, because it waits for the disk or there is more to do
/// than it can, another helps. A thread that has nothing to do commits what its pumps have written. So as much as came meanwhile travels and is flushed
/// together, and hardly any thread is woken for it: with a thread woken for each task, on two processors, putting threads to sleep and waking them was half of
/// a silo's processor time, and a write cost two thirds more.
/// </para>
/// </summary>
internal sealed class PumpScheduler : TaskScheduler, IDisposable
{
    /// <summary>How long a task may wait before another thread is woken for it: some flushes long, and a fraction of a heartbeat interval.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(10);

    /// <summary>After so many tasks what was written is committed though there are more: they may be of pumps that only read.</summary>
    private const int MaxTasksBetweenCommits = 64;

    // Threads that find nothing sleep at once. Every ready-made blocking queue spins before it sleeps, and with as many pump threads as processors
    // in each of several silos on a machine, that was a third of all processor time and most of its context switches (perf: sched_yield).
    private readonly Queue<QueuedWork> queue = [];
    private readonly Context context;
    private readonly Thread[] threads;
    private readonly IWriterCommits? store;
    private readonly TimeProvider time;
    private readonly IDisposable? ticks;
    private int sleeping;
    private bool ended;

    [ThreadStatic]
    private static PumpScheduler? current;

    /// <param name="threadCount">How many threads at most work at once.</param>
    /// <param name="store">Where the pumps write, if it lets them commit.</param>
    /// <param name="time">Tells how long tasks wait; null: the system's.</param>
    /// <param name="ticks">Looks now and then whether a thread is held up; null: whoever queues a task does.</param>
    public PumpScheduler(int threadCount, IWriterCommits? store = null, TimeProvider? time = null, ITickSource? ticks = null)
    {
        this.time = time ?? TimeProvider.System;
        context = new(this);
        if (store is not null && threadCount > 1)
        {
            // A single thread would send no heartbeat while the disk takes its time.
            this.store = store;
            store.CommitsHere = () => current == this;
        }

        threads = new Thread[threadCount];
        for (var i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(Run) { IsBackground = true, Name = $"multidc-pump-{i}", Priority = ThreadPriority.AboveNormal };
            threads[i].Start();
        }

        this.ticks = ticks?.Register(WakeHelper);
    }

    public override int MaximumConcurrencyLevel => threads.Length;

    /// <summary>How many tasks no thread has taken yet.</summary>
    internal int Waiting
    {
        get
        {
            lock (queue)
            {
                return queue.Count;
            }
        }
    }

    /// <summary>Ends the threads when the queue is empty; tasks queued later never run.</summary>
    public void Dispose()
    {
        ticks?.Dispose();
        lock (queue)
        {
            ended = true;
            Monitor.PulseAll(queue);
        }

        foreach (var thread in threads.Where(static t => t != Thread.CurrentThread))
        {
            thread.Join();
        }
    }

    /// <summary>How many threads have nothing to do.</summary>
    internal int Sleeping
    {
        get
        {
            lock (queue)
            {
                return sleeping;
            }
        }
    }

    // A thread that has been held up, by the disk or a long task, since nobody queued anything, may have left tasks and writes waiting.
    private void WakeHelper()
    {
        lock (queue)
        {
            if (sleeping > 0 && sleeping < threads.Length)
            {
                sleeping--;
                Monitor.Pulse(queue);
            }
        }
    }

    protected override void QueueTask(Task task) => Queue(task, null);

    private void Queue(object work, object? state)
    {
        var now = time.GetTimestamp();
        lock (queue)
        {
            // A silo that is stopped in a hurry disposes of its services before its grains have closed their pumps. A tick or a message that
            // still wakes one comes too late, as if the process had ended a moment earlier; thrown in the waker's face it ends the process.
            if (ended)
            {
                return;
            }

            queue.Enqueue(new(work, state, now));
            if (sleeping == threads.Length || (sleeping > 0 && time.GetElapsedTime(queue.Peek().QueuedAt, now) > Patience))
            {
                sleeping--;
                Monitor.Pulse(queue);
            }
        }
    }

    // Running a continuation on the completing thread would move pump work back to the thread pool.
    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks()
    {
        lock (queue)
        {
            return queue.Select(static queued => queued.Work).OfType<Task>().ToArray();
        }
    }

    private void Run()
    {
        current = this;
        SynchronizationContext.SetSynchronizationContext(context);
        var tasksSinceCommit = 0;
        while (TryTake(out var work) || CommitOrSleep())
        {
            if (work.Work is null)
            {
                tasksSinceCommit = 0;
                continue;
            }

            if (work.Work is SendOrPostCallback callback)
            {
                callback(work.State);
            }
            else
            {
                TryExecuteTask((Task)work.Work);
            }

            if (++tasksSinceCommit >= MaxTasksBetweenCommits)
            {
                tasksSinceCommit = 0;
                store?.CommitWaiting();
            }
        }
    }

    private bool TryTake(out QueuedWork work)
    {
        lock (queue)
        {
            return queue.TryDequeue(out work);
        }
    }

    // False: the thread is to end.
    private bool CommitOrSleep()
    {
        if (store?.CommitWaiting() == true)
        {
            return true;
        }

        lock (queue)
        {
            if (queue.Count == 0)
            {
                if (ended)
                {
                    return false;
                }

                // Whoever wakes a thread counts it out.
                sleeping++;
                Monitor.Wait(queue);
            }
            else
            {
                return true;
            }
        }

        // Whoever woke it may have more to say, and others too: where there are more threads than processors they say it now. What comes then takes
        // one round of messages and one flush instead of several: a linearizable read cost a third more without. Twice, because a thread that has just slept
        // is often the next to run. On a machine with idle processors this takes no time.
        Thread.Yield();
        Thread.Yield();
        return true;
    }

    /// <summary>A <see cref="Task"/>, or a <see cref="SendOrPostCallback"/> with its state; neither: nothing was there.</summary>
    private readonly record struct QueuedWork(object? Work, object? State, long QueuedAt);

    /// <summary>
    /// What awaits on these threads go on by. By the scheduler alone each would need a task of its own, and those that wait for each other would be queued
    /// one after the other where they now go on at once.
    /// </summary>
    private sealed class Context(PumpScheduler scheduler) : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state) => scheduler.Queue(d, state);

        public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException("nobody may wait for a pump's thread");

        public override SynchronizationContext CreateCopy() => this;
    }
}
