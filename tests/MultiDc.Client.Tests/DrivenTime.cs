using Microsoft.Extensions.Time.Testing;

namespace MultiDc.Client.Tests;

/// <summary>A clock that jumps to the next pause or deadline whenever the code under test waits for one.</summary>
internal static class DrivenTime
{
    /// <summary>Moves the clock in small steps until the task is complete.</summary>
    /// <returns>The result, and how much of the fake time passed.</returns>
    public static async Task<(T Result, TimeSpan Took)> DriveAsync<T>(this FakeTimeProvider time, Task<T> task, TimeSpan? atMost = null)
    {
        var start = time.GetUtcNow();
        var end = start + (atMost ?? TimeSpan.FromMinutes(1));
        while (!task.IsCompleted)
        {
            // What was woken runs on the pool: give it its turns before the clock moves on.
            for (var i = 0; i < 20 && !task.IsCompleted; i++)
            {
                await Task.Yield();
            }

            if (!task.IsCompleted)
            {
                Assert.True(time.GetUtcNow() < end, "no answer before the time the test allows");
                time.Advance(TimeSpan.FromMilliseconds(5));
            }
        }

        return (await task, time.GetUtcNow() - start);
    }
}
