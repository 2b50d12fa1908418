using System.Globalization;

namespace MultiDc.Host.Drills;

/// <summary>When clients of one datacenter were served reads that may be stale, in nanoseconds since the drill's beginning, and whether at home.</summary>
internal sealed class StaleReads
{
    private readonly List<(long At, bool IsHome)> served = [];

    public IReadOnlyList<(long At, bool IsHome)> Served => served;

    /// <summary>One was served, by the own datacenter or another.</summary>
    public void Add(long at, bool isHome) => served.Add((at, isHome));

    /// <summary>The longest time between two answers, of which the later one came after the first time and before the second.</summary>
    public TimeSpan LongestPause(long from, long to) => TimeSpan.FromMicroseconds(Pauses.Longest([.. served.Select(static read => read.At)], from, to) / 1_000);

    /// <summary>How many were served in between, and how many of them at home.</summary>
    public (int All, int AtHome) CountBetween(long from, long to)
    {
        var within = served.Where(read => read.At > from && read.At <= to).ToArray();
        return (within.Length, within.Count(static read => read.IsHome));
    }

    /// <summary>A line each: the time, and 1 for home.</summary>
    public void Write(string file) => File.WriteAllLines(file, served.Select(static read => string.Create(CultureInfo.InvariantCulture, $"{read.At} {(read.IsHome ? 1 : 0)}")));

    public static StaleReads Read(string file)
    {
        var reads = new StaleReads();
        foreach (var line in File.ReadLines(file))
        {
            reads.Add(long.Parse(line.AsSpan(0, line.Length - 2), CultureInfo.InvariantCulture), line[^1] == '1');
        }

        return reads;
    }
}
