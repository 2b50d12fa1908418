namespace MultiDc.Raft;

/// <summary>
/// Compares how fast another machine's clock advances with one's own, from readings that came with answers. A reading was taken at some
/// moment between the sending of the request and the arrival of its answer; within that, the other clock is given the benefit of the doubt.
/// Each reading is compared with the one before, which shows jumps, and with two that are up to one and two windows old, which show rates.
/// </summary>
internal sealed class ClockCheck(int maxDriftPpm, long windowNanoseconds)
{
    private Reading? previous;
    private Reading recent;
    private Reading old;
    private MonotonicTime cleanSince;

    /// <summary>Whether nothing spoke against the other clock over at least a whole window.</summary>
    public bool IsClean => previous is { } last && last.SentAt - cleanSince >= windowNanoseconds;

    /// <summary>Takes a reading of the other clock; later ones must answer to requests sent after the answers of earlier ones came.</summary>
    /// <returns>False when it proves that the clocks do not agree; the window then begins anew.</returns>
    public bool Observe(MonotonicTime sentAt, MonotonicTime heardAt, MonotonicTime other)
    {
        var now = new Reading(sentAt, heardAt, other);
        if (previous is { } last && Agree(last, now) && Agree(recent, now) && Agree(old, now))
        {
            previous = now;
            if (sentAt - recent.SentAt >= windowNanoseconds)
            {
                (old, recent) = (recent, now);
            }

            return true;
        }

        var isFirst = previous is null;
        previous = recent = old = now;
        cleanSince = heardAt;
        return isFirst;
    }

    private bool Agree(Reading before, Reading after)
    {
        var advanced = after.Other - before.Other;
        return advanced >= 0
            && IsWithinBound(advanced, after.HeardAt - before.SentAt)
            && IsWithinBound(after.SentAt - before.HeardAt, advanced);
    }

    /// <summary>Whether the time can be the other, measured by a clock that is faster by no more than the bound.</summary>
    private bool IsWithinBound(long nanoseconds, long otherNanoseconds) =>
        (Int128)nanoseconds * 1_000_000 <= (Int128)otherNanoseconds * (1_000_000 + maxDriftPpm);

    private readonly record struct Reading(MonotonicTime SentAt, MonotonicTime HeardAt, MonotonicTime Other);
}
