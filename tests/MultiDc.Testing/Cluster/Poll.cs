using System.Diagnostics;

namespace MultiDc.Testing.Cluster;

/// <summary>Waits for a condition of the cluster by looking again and again, and tells what it saw last when it never came.</summary>
public static class Poll
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Looks until what it sees is <paramref name="good"/>.</summary>
    /// <param name="what">What is waited for, in words.</param>
    /// <param name="look">One look. An exception counts as not good and is told at the end.</param>
    /// <param name="good">Whether the wait is over.</param>
    /// <param name="describe">What was seen, in words.</param>
    /// <param name="deadline">Only for failing; a wait ends as soon as it can.</param>
    /// <exception cref="TimeoutException">It never came; the message tells what was seen last.</exception>
    public static async Task<T> UntilAsync<T>(string what, Func<Task<T>> look, Func<T, bool> good, Func<T, string> describe, TimeSpan deadline)
    {
        var startedAt = Stopwatch.GetTimestamp();
        string last;
        do
        {
            try
            {
                var seen = await look();
                if (good(seen))
                {
                    return seen;
                }

                last = describe(seen);
            }
            catch (Exception exception) when (exception is OrleansException or TimeoutException or InvalidOperationException)
            {
                last = exception.Message;
            }

            await Task.Delay(Pause);
        }
        while (Stopwatch.GetElapsedTime(startedAt) < deadline);

        throw new TimeoutException($"not seen within {deadline.TotalSeconds:0} s: {what}. Last seen: {last}");
    }
}
