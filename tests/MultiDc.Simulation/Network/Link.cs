namespace MultiDc.Simulation;

/// <summary>One direction between two endpoints. What faults add is taken away again when they end, so faults may overlap.</summary>
internal sealed class Link(LinkShape shape)
{
    private int cuts;
    private TimeSpan lastArrival;

    public bool IsCut => cuts > 0;

    /// <summary>What faults add to the loss.</summary>
    public double AddedLoss { get; set; }

    /// <summary>What faults add to the share of packets that arrive twice.</summary>
    public double AddedDuplication { get; set; }

    /// <summary>What faults add to the share of packets that may overtake or be overtaken.</summary>
    public double AddedReordering { get; set; }

    /// <summary>What faults add to the delay.</summary>
    public TimeSpan AddedDelay { get; set; }

    public void Cut() => cuts++;

    public void Mend() => cuts--;

    public bool Loses(RunRandom random, bool isCalm) => random.Chance((isCalm ? 0 : shape.Loss) + AddedLoss);

    public bool Doubles(RunRandom random, bool isCalm) => random.Chance((isCalm ? 0 : shape.Duplication) + AddedDuplication);

    /// <summary>When a packet that leaves now arrives: behind those sent before it, unless it takes another way.</summary>
    public TimeSpan Arrival(TimeSpan now, RunRandom random)
    {
        var arrival = now + shape.Delay + AddedDelay + random.Between(TimeSpan.Zero, shape.Jitter);
        if (random.Chance(shape.Reordering + AddedReordering))
        {
            return arrival + random.Between(TimeSpan.Zero, 3 * (shape.Delay + shape.Jitter));
        }

        return lastArrival = arrival > lastArrival ? arrival : lastArrival;
    }
}

/// <summary>What a link is like when nothing is wrong with it.</summary>
/// <param name="Delay">The least time on the way.</param>
/// <param name="Jitter">How much longer it may take.</param>
/// <param name="Loss">The share that is lost.</param>
/// <param name="Duplication">The share that arrives twice.</param>
/// <param name="Reordering">The share that may overtake or be overtaken.</param>
internal sealed record LinkShape(TimeSpan Delay, TimeSpan Jitter, double Loss, double Duplication, double Reordering);
