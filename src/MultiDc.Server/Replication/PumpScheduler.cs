using System.Collections.Concurrent;

namespace MultiDc.Server.Replication;

/// <summary>
/// Threads of their own for the pumps of a silo. The thread pool belongs to the grains: a few busy ones starve everything else on it for
/// longer than an election timeout, and a leader whose pump is starved loses its followers.
/// </summary>
internal sealed class PumpScheduler : TaskScheduler, IDisposable
{
    private readonly BlockingCollection<Task> queue = [];
    private readonly Thread[] threads;
    private volatile bool ended;

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
        ended = true;
        queue.CompleteAdding();
        foreach (var thread in threads.Where(static t => t != Thread.CurrentThread))
        {
            thread.Join();
        }

        queue.Dispose();
    }

    protected override void QueueTask(Task task)
    {
        try
        {
            queue.Add(task);
        }
        catch (InvalidOperationException) when (ended)
        {
            // A silo that is stopped in a hurry disposes of its services before its grains have closed their pumps. A tick or a message that
            // still wakes one comes too late, as if the process had ended a moment earlier; thrown in the waker's face it ends the process.
        }
    }

    // Running a continuation on the completing thread would move pump work back to the thread pool.
    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks() => queue.ToArray();

    private void Run()
    {
        foreach (var task in queue.GetConsumingEnumerable())
        {
            TryExecuteTask(task);
        }
    }
}
