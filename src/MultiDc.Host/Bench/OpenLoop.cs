namespace MultiDc.Host.Bench;

/// <summary>
/// When operations are to begin in an open loop: evenly, whatever becomes of those before. Whoever is late measures from the time that was meant,
/// else an answer that is slow would spare all those behind it (coordinated omission).
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="origin">When the first begins, as a timestamp of the clock.</param>
/// <param name="rate">How many a second.</param>
internal sealed class OpenLoop(TimeProvider time, long origin, double rate)
{
    private static readonly TimeSpan TimerStep = TimeSpan.FromMilliseconds(1);

    private readonly double ticksPerOperation = time.TimestampFrequency / rate;
    private long taken = -1;

    /// <summary>Takes the next beginning that nobody has taken yet.</summary>
    public long Take() => BeginningOf(Interlocked.Increment(ref taken));

    /// <summary>How many beginnings lie from one timestamp up to but not including another.</summary>
    public long CountBetween(long from, long to) => FirstFrom(to) - FirstFrom(from);

    /// <summary>Waits until a timestamp, or a little longer: timers know milliseconds only.</summary>
    public async ValueTask WaitUntilAsync(long timestamp, CancellationToken cancellationToken)
    {
        while (time.GetElapsedTime(time.GetTimestamp(), timestamp) is var left && left > TimeSpan.Zero)
        {
            await Task.Delay(left < TimerStep ? TimerStep : left, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private long BeginningOf(long number) => origin + (long)(number * ticksPerOperation);

    private long FirstFrom(long timestamp)
    {
        var number = Math.Max(0, (long)((timestamp - origin) / ticksPerOperation) - 1);
        while (BeginningOf(number) < timestamp)
        {
            number++;
        }

        return number;
    }
}
