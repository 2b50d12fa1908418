namespace MultiDc.Simulation;

/// <summary>How long a disk takes. Without one a disk is instant.</summary>
internal sealed class DiskTiming(EventQueue events, RunRandom random, DiskShape shape)
{
    private readonly List<double> slowFactors = [];

    public EventQueue Events => events;

    public TimeSpan NextFlush() => slowFactors.DefaultIfEmpty(1).Max() * (random.Chance(shape.SpikeChance)
        ? random.Between(shape.MaxFlush, shape.MaxSpike)
        : random.Between(shape.MinFlush, shape.MaxFlush));

    /// <summary>A fault multiplies every flush. The slowest of several that overlap counts: together they would make a flush outlast the run.</summary>
    public void BeginSlow(double factor) => slowFactors.Add(factor);

    /// <summary>The fault ends.</summary>
    public void EndSlow(double factor) => slowFactors.Remove(factor);
}

/// <summary>What a disk is like when nothing is wrong with it.</summary>
/// <param name="MinFlush">The shortest flush.</param>
/// <param name="MaxFlush">The longest usual one.</param>
/// <param name="SpikeChance">How often a flush takes unusually long.</param>
/// <param name="MaxSpike">How long at most.</param>
internal sealed record DiskShape(TimeSpan MinFlush, TimeSpan MaxFlush, double SpikeChance, TimeSpan MaxSpike);
