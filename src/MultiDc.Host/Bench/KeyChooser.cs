using MultiDc.Raft;

namespace MultiDc.Host.Bench;

/// <summary>Chooses among the keys 0 to n - 1.</summary>
internal abstract class KeyChooser
{
    public static KeyChooser Of(KeyDistribution distribution, int keys) => distribution == KeyDistribution.Uniform ? new UniformKeys(keys) : new ScrambledZipfianKeys(keys);

    public abstract int Next(IRandomSource random);
}

/// <summary>Each key as often as any other.</summary>
internal sealed class UniformKeys(int keys) : KeyChooser
{
    public override int Next(IRandomSource random) => random.Next(0, keys);
}

/// <summary>
/// YCSB's ScrambledZipfianGenerator: ranks of a zipfian distribution over ten thousand million items, hashed onto the keys, so that the favourites
/// lie anywhere and their share does not depend on how many keys there are.
/// </summary>
internal sealed class ScrambledZipfianKeys(int keys) : KeyChooser
{
    private const long Items = 10_000_000_000;

    /// <summary>The sum over 1/i^0.99 of that many items, which takes minutes to add up: as YCSB has it.</summary>
    private const double ZetaOfItems = 26.46902820178302;

    private static readonly ZipfianRanks Ranks = new(Items, ZetaOfItems);

    public override int Next(IRandomSource random) => (int)(FowlerNollVo(Ranks.Next(random)) % keys);

    /// <summary>FNV-1a of the eight bytes, without its sign, as YCSB's Utils.hash has it.</summary>
    public static long FowlerNollVo(long value)
    {
        const ulong offsetBasis = 0xCBF29CE484222325, prime = 1_099_511_628_211;
        var hash = offsetBasis;
        for (var i = 0; i < sizeof(long); i++)
        {
            hash = (hash ^ (byte)(value >> (8 * i))) * prime;
        }

        // The one number without a counterpart is not worth an exception.
        return (long)hash is var signed and not long.MinValue ? Math.Abs(signed) : 0;
    }
}

/// <summary>Ranks from 0 on, the first the most frequent: the generator of Gray et al., "Quickly generating billion-record synthetic databases" (SIGMOD 1994), as in YCSB.</summary>
internal sealed class ZipfianRanks
{
    /// <summary>The exponent, as in YCSB.</summary>
    public const double Theta = 0.99;

    private const double Alpha = 1 / (1 - Theta);

    private readonly long items;
    private readonly double zeta;
    private readonly double eta;
    private readonly double secondBound = 1 + Math.Pow(0.5, Theta);

    /// <param name="items">How many ranks there are, at least two.</param>
    /// <param name="zeta">The sum over 1/i^theta of them.</param>
    public ZipfianRanks(long items, double zeta)
    {
        this.items = items;
        this.zeta = zeta;
        eta = (1 - Math.Pow(2.0 / items, 1 - Theta)) / (1 - (Zeta(2) / zeta));
    }

    public static double Zeta(int items)
    {
        var sum = 0.0;
        for (var i = 1; i <= items; i++)
        {
            sum += 1 / Math.Pow(i, Theta);
        }

        return sum;
    }

    public long Next(IRandomSource random)
    {
        var u = random.NextDouble();
        var uz = u * zeta;
        return uz < 1 ? 0
            : uz < secondBound ? 1
            : Math.Min(items - 1, (long)(items * Math.Pow((eta * u) - eta + 1, Alpha)));
    }
}

/// <summary>Fractions from whole numbers.</summary>
internal static class RandomFractions
{
    private const int HighBits = 26;
    private const int LowBits = 27;

    /// <summary>From 0 up to but not including 1, in all 53 bits of a double.</summary>
    public static double NextDouble(this IRandomSource random) =>
        (((long)random.Next(0, 1 << HighBits) << LowBits) | (uint)random.Next(0, 1 << LowBits)) / (double)(1L << (HighBits + LowBits));
}
