namespace MultiDc.Routing.Links;

/// <summary>
/// Which gateway of a datacenter calls travel by. One at a time, so that what is sent one after the other arrives so, mostly; another when that one does not
/// answer its pings, or leaves calls unanswered again and again: a silo may answer pings and yet keep calls for some of its grains for ever
/// (seen once, after it had stood still while the silo beside it restarted).
/// </summary>
/// <param name="count">How many there are.</param>
/// <param name="time">Tells old news from new.</param>
internal sealed class GatewayChoice(int count, TimeProvider time)
{
    /// <summary>So many calls without an answer, whatever else is answered, and it is another gateway's turn. A needless change costs next to nothing.</summary>
    private const int MaxUnanswered = 8;

    /// <summary>For so long after a change calls may come to their end that went by the gateway before.</summary>
    private static readonly TimeSpan LeftOver = TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private volatile int current;
    private int unanswered;
    private long changedAt = time.GetTimestamp();

    /// <summary>The gateway for the next call. When none answers, one that was reached before is as good as any.</summary>
    public int Choose(Func<int, bool> isUp, Func<int, bool> wasReached)
    {
        var chosen = current;
        if (!isUp(chosen))
        {
            chosen = Next(chosen, isUp) ?? (wasReached(chosen) ? null : Next(chosen, wasReached)) ?? chosen;
            current = chosen;
        }

        return chosen;
    }

    /// <summary>A call was not answered in time. True: other calls will go by another gateway from now on.</summary>
    public bool NoteUnanswered(Func<int, bool> isUp)
    {
        lock (gate)
        {
            if (time.GetElapsedTime(changedAt) < LeftOver || ++unanswered < MaxUnanswered)
            {
                return false;
            }

            unanswered = 0;
            if (Next(current, isUp) is not { } next)
            {
                return false;
            }

            current = next;
            changedAt = time.GetTimestamp();
            return true;
        }
    }

    private int? Next(int from, Func<int, bool> holds)
    {
        for (var step = 1; step < count; step++)
        {
            var candidate = (from + step) % count;
            if (holds(candidate))
            {
                return candidate;
            }
        }

        return null;
    }
}
