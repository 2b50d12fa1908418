using System.Collections.Concurrent;

namespace MultiDc.Server.Tests.Replication;

/// <summary>Runs a pump's tasks on the test's own thread, one by one and only when told to.</summary>
internal sealed class TurnScheduler : TaskScheduler
{
    private const int MostTurnsToRest = 20_000;
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(30);

    private readonly BlockingCollection<Task> queue = [];

    public bool IsIdle => queue.Count == 0;

    /// <summary>Runs what is queued and what that queues. A pump that wakes itself for ever is a bug and fails here.</summary>
    public void RunUntilIdle()
    {
        for (var turns = 0; queue.TryTake(out var task); turns++)
        {
            Assert.True(turns < MostTurnsToRest, "the pump does not come to rest");
            Execute(task);
        }
    }

    /// <summary>As above, but waits for work that comes back from other threads (a released flush, a cancellation).</summary>
    public void RunUntil(Func<bool> done)
    {
        var waited = System.Diagnostics.Stopwatch.StartNew();
        while (!done())
        {
            if (queue.TryTake(out var task, millisecondsTimeout: 1))
            {
                Execute(task);
            }

            Assert.True(waited.Elapsed < Guard, "what the test waits for does not come");
        }
    }

    protected override void QueueTask(Task task) => queue.Add(task);

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    // The test runner's context would take the continuations to its own threads.
    private void Execute(Task task)
    {
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        TryExecuteTask(task);
        SynchronizationContext.SetSynchronizationContext(context);
    }

    protected override IEnumerable<Task> GetScheduledTasks() => queue.ToArray();
}
