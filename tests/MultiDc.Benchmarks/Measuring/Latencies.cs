using System.Diagnostics;

namespace MultiDc.Benchmarks.Measuring;

/// <summary>How long each of many operations took; every one is kept.</summary>
internal sealed class Latencies
{
    private readonly List<long> ticks = [];

    public int Count => ticks.Count;

    /// <summary>Not for concurrent use: each worker has its own, and they are added up in the end.</summary>
    public void Add(long startedAt) => ticks.Add(Stopwatch.GetTimestamp() - startedAt);

    public void Add(Latencies other) => ticks.AddRange(other.ticks);

    public double PercentileMs(double percent)
    {
        ticks.Sort();
        return ticks.Count == 0 ? 0 : ticks[Math.Min(ticks.Count - 1, (int)(ticks.Count * percent / 100))] * 1000.0 / Stopwatch.Frequency;
    }
}
