namespace MultiDc.Raft;

/// <summary>Randomness for election timeouts, passed in so that a seed reproduces a run.</summary>
public interface IRandomSource
{
    /// <summary>A number from <paramref name="minInclusive"/> up to but not including <paramref name="maxExclusive"/>.</summary>
    int Next(int minInclusive, int maxExclusive);
}

/// <summary>SplitMix64 (Steele, Lea, Flood 2014): the same seed gives the same numbers on every machine and version.</summary>
/// <param name="seed">Any number.</param>
public sealed class SeededRandomSource(ulong seed) : IRandomSource
{
    private ulong state = seed;

    /// <inheritdoc/>
    public int Next(int minInclusive, int maxExclusive)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(minInclusive, maxExclusive);
        var range = (ulong)((long)maxExclusive - minInclusive);
        return (int)(minInclusive + (long)(NextUInt64() % range));
    }

    private ulong NextUInt64()
    {
        var z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
