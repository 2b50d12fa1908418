namespace MultiDc.Simulation;

/// <summary>How long a disk takes. Without one a disk is instant.</summary>
internal sealed class DiskTiming(EventQueue events, RunRandom random, DiskShape shape)
{
    /// <summary>Multiplies every flush: a fault makes the disk slow.</summary>
    public double SlowFactor { get; set; } = 1;

    public EventQueue Events => events;

    public TimeSpan NextFlush() => SlowFactor * (random.Chance(shape.SpikeChance)
        ? random.Between(shape.MaxFlush, shape.MaxSpike)
        : random.Between(shape.MinFlush, shape.MaxFlush));
}

/// <summary>What a disk is like when nothing is wrong with it.</summary>
/// <param name="MinFlush">The shortest flush.</param>
/// <param name="MaxFlush">The longest usual one.</param>
/// <param name="SpikeChance">How often a flush takes unusually long.</param>
/// <param name="MaxSpike">How long at most.</param>
internal sealed record DiskShape(TimeSpan MinFlush, TimeSpan MaxFlush, double SpikeChance, TimeSpan MaxSpike);
