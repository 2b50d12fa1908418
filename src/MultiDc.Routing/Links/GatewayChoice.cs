namespace MultiDc.Routing.Links;

/// <summary>
/// Which gateway of a datacenter calls travel by. One at a time, so that what is sent one after the other arrives so, mostly; another when that one does not
/// answer its pings, or leaves calls unanswered again and again: a silo may answer pings and yet keep calls for some of its grains for ever
/// (seen once, after it had stood still while the silo beside it restarted).
/// </summary>
/// <param name="count">How many there are.</param>
internal sealed class GatewayChoice(int count)
{
    /// <summary>So many calls without an answer, whatever else is answered, and it is another gateway's turn. A needless change costs next to nothing.</summary>
    private const int MaxUnanswered = 8;

    private volatile int current;
    private int unanswered;

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
        if (Interlocked.Increment(ref unanswered) % MaxUnanswered != 0 || Next(current, isUp) is not { } next)
        {
            return false;
        }

        current = next;
        return true;
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
