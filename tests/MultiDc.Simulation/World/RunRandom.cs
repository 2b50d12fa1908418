namespace MultiDc.Simulation;

/// <summary>
/// The one source of chance of a run: SplitMix64 (Steele, Lea, Flood 2014). Each concern draws from a branch of its own, named by a
/// number, so that a fault more does not change what the clients do.
/// </summary>
internal sealed class RunRandom : IRandomSource
{
    private readonly ulong root;
    private ulong state;

    public RunRandom(ulong seed) => root = state = seed;

    /// <summary>A generator of its own for one concern; the same name always gives the same one.</summary>
    public RunRandom Branch(ulong name) => new(Mix(root + (0x9E3779B97F4A7C15 * (name + 1))));

    public ulong NextUInt64() => Mix(state += 0x9E3779B97F4A7C15);

    /// <inheritdoc/>
    public int Next(int minInclusive, int maxExclusive) =>
        (int)(minInclusive + (long)(NextUInt64() % (ulong)((long)maxExclusive - minInclusive)));

    public int Next(int maxExclusive) => Next(0, maxExclusive);

    /// <summary>A number in [0, 1).</summary>
    public double NextFraction() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    public bool Chance(double probability) => probability > 0 && NextFraction() < probability;

    public bool OneIn(int count) => Next(count) == 0;

    public TimeSpan Between(TimeSpan least, TimeSpan most) =>
        least >= most ? least : new TimeSpan(least.Ticks + (long)(NextFraction() * (most - least).Ticks));

    public TimeSpan BetweenMilliseconds(double least, double most) => Between(TimeSpan.FromMilliseconds(least), TimeSpan.FromMilliseconds(most));

    /// <summary>A wait whose mean is given: short ones are common, a few are long, none is longer than eight times the mean.</summary>
    public TimeSpan Around(TimeSpan mean) => mean * Math.Min(8, -Math.Log(1 - NextFraction()));

    public T Pick<T>(IReadOnlyList<T> among) => among[Next(among.Count)];

    public T PickOf<T>(params ReadOnlySpan<T> among) => among[Next(among.Length)];

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
