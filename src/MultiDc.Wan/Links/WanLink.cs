namespace MultiDc.Wan.Links;

/// <summary>One direction between two datacenters: decides what becomes of each packet, and counts. Knows no clock; chance is passed in.</summary>
internal sealed class WanLink(string from, string to, LinkRules usualRules, int maxQueuedPackets, Random random)
{
    private const double NanosecondsPerMs = 1e6;

    private readonly LinkRules usual = usualRules;
    private LinkCounters counters;
    private int queued;
    private long lastArrival = long.MinValue;

    public string From => from;

    public string To => to;

    /// <summary>The rules in force.</summary>
    public LinkRules Rules { get; private set; } = usualRules;

    public LinkCounters Counters => counters;

    /// <summary>Packets and copies that are under way.</summary>
    public int QueuedPackets => queued;

    public void Change(LinkRulesChange change) => Rules = change.ApplyTo(Rules);

    /// <summary>Back to the rules that the link began with.</summary>
    public void Heal() => Rules = usual;

    /// <summary>A packet enters.</summary>
    /// <param name="bytes">Its size.</param>
    /// <param name="now">The time in nanoseconds.</param>
    public PacketFate Send(int bytes, long now)
    {
        counters = counters with { SentPackets = counters.SentPackets + 1, SentBytes = counters.SentBytes + bytes };
        if (Rules.Cut)
        {
            counters = counters with { CutPackets = counters.CutPackets + 1 };
            return default;
        }

        if (Happens(Rules.Loss))
        {
            counters = counters with { LostPackets = counters.LostPackets + 1 };
            return default;
        }

        var copies = 1;
        if (Happens(Rules.Duplicate))
        {
            copies = 2;
            counters = counters with { DuplicatedPackets = counters.DuplicatedPackets + 1 };
        }

        var accepted = Math.Min(copies, maxQueuedPackets - queued);
        counters = counters with { RefusedPackets = counters.RefusedPackets + copies - accepted };
        queued += accepted;
        return accepted == 0 ? default : new(accepted, Arrival(now));
    }

    /// <summary>A packet is due: whether it arrives.</summary>
    public bool Arrive(int bytes)
    {
        queued--;
        if (Rules.Cut)
        {
            counters = counters with { CutPackets = counters.CutPackets + 1 };
            return false;
        }

        counters = counters with { DeliveredPackets = counters.DeliveredPackets + 1, DeliveredBytes = counters.DeliveredBytes + bytes };
        return true;
    }

    private long Arrival(long now)
    {
        var delayMs = Rules.DelayMs + Rules.SlowMs;
        if (Happens(Rules.Reorder))
        {
            // Those that come after it do not wait for it: it leaves no trace in the order.
            counters = counters with { ReorderedPackets = counters.ReorderedPackets + 1 };
            return now + (long)((delayMs + random.NextDouble() * Math.Max(delayMs, 1)) * NanosecondsPerMs);
        }

        if (Rules.JitterMs > 0)
        {
            delayMs = Math.Max(0, delayMs + (2 * random.NextDouble() - 1) * Rules.JitterMs);
        }

        // In order, whatever the jitter is, and also when the delay has just become shorter.
        lastArrival = Math.Max(lastArrival, now + (long)(delayMs * NanosecondsPerMs));
        return lastArrival;
    }

    // No number is drawn for what never happens: a rule that is off changes nothing of the others' chances.
    private bool Happens(double chance) => chance > 0 && random.NextDouble() < chance;
}

/// <summary>What becomes of a packet that entered a link.</summary>
/// <param name="Copies">How many arrive; 0 when it was dropped.</param>
/// <param name="Arrival">When, in nanoseconds of the time passed in.</param>
internal readonly record struct PacketFate(int Copies, long Arrival);
