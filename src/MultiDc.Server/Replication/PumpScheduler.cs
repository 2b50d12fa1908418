using System.Diagnostics.CodeAnalysis;

namespace MultiDc.Server.Replication;

/// <summary>
/// Threads of their own for the pumps of a silo. The thread pool belongs to the grains: a few busy ones starve everything else on it for
/// longer than an election timeout, and a leader whose pump is starved loses its followers.
/// </summary>
internal sealed class PumpScheduler : TaskScheduler, IDisposable
{
    // Threads that find nothing sleep at once. Every ready-made blocking queue spins before it sleeps, and with as many pump threads as processors
    // in each of several silos on a machine, that was a third of all processor time and most of its context switches (perf: sched_yield).
    private readonly Queue<Task> queue = [];
    private readonly Thread[] threads;
    private bool ended;

    public PumpScheduler(int threadCount)
    {
        threads = new Thread[threadCount];
        for (var i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(Run) { IsBackground = true, Name = $"multidc-pump-{i}", Priority = ThreadPriority.AboveNormal };
            threads[i].Start();
        }
    }

    public override int MaximumConcurrencyLevel => threads.Length;

    /// <summary>Ends the threads when the queue is empty; tasks queued later never run.</summary>
    public void Dispose()
    {
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

    protected override void QueueTask(Task task)
    {
        lock (queue)
        {
            // A silo that is stopped in a hurry disposes of its services before its grains have closed their pumps. A tick or a message that
            // still wakes one comes too late, as if the process had ended a moment earlier; thrown in the waker's face it ends the process.
            if (!ended)
            {
                queue.Enqueue(task);
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
            return queue.ToArray();
        }
    }

    private void Run()
    {
        while (TryTake(out var task))
        {
            TryExecuteTask(task);
        }
    }

    private bool TryTake([NotNullWhen(true)] out Task? task)
    {
        lock (queue)
        {
            while (!queue.TryDequeue(out task))
            {
                if (ended)
                {
                    return false;
                }

                Monitor.Wait(queue);
            }

            return true;
        }
    }
}
