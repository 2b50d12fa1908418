using Microsoft.Extensions.Time.Testing;

namespace MultiDc.Client.Tests;

/// <summary>A clock that jumps to the next pause or deadline whenever the code under test waits for one.</summary>
internal static class DrivenTime
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(5);

    // Not a claim about speed: what is due has been woken, and a busy machine may take its time to run it.
    private static readonly TimeSpan Guard = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Moves the clock in small steps until the task is complete, but not beyond <paramref name="atMost"/>: there the clock stands still, and
    /// what was due by then must complete the task.
    /// </summary>
    /// <returns>The result, and how much of the fake time passed.</returns>
    public static async Task<(T Result, TimeSpan Took)> DriveAsync<T>(this FakeTimeProvider time, Task<T> task, TimeSpan? atMost = null)
    {
        var start = time.GetUtcNow();
        var end = start + (atMost ?? TimeSpan.FromMinutes(1));
        while (!task.IsCompleted && time.GetUtcNow() < end)
        {
            // What was woken but not run inside Advance runs on the pool: give it its turns before the clock moves on.
            for (var i = 0; i < 20 && !task.IsCompleted; i++)
            {
                await Task.Yield();
            }

            if (!task.IsCompleted)
            {
                Advance(time);
            }
        }

        return (await task.WaitAsync(Guard), time.GetUtcNow() - start);
    }

    // Without the test runner's context the code that waits for the clock runs on inside Advance, and the clock cannot run away from it.
    private static void Advance(FakeTimeProvider time)
    {
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            time.Advance(Step);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }
}
