using HdrHistogram;

namespace MultiDc.Host.Drills.Overload;

/// <summary>What came of the operations that were to begin in one second.</summary>
internal sealed record LoadSecond
{
    /// <summary>How many began.</summary>
    public required int Begun { get; init; }

    /// <summary>How many succeeded.</summary>
    public required int Done { get; init; }

    /// <summary>How many did not, by what they came to. What has no answer at all is in neither.</summary>
    public required IReadOnlyDictionary<string, int> Failures { get; init; }

    /// <summary>How long the successful ones took, in tenths of a millisecond since they were meant to begin, and how many took so long.</summary>
    public required IReadOnlyList<long[]> Latencies { get; init; }

    /// <summary>What all processes counted, second by second.</summary>
    public static IReadOnlyList<LoadSecond> Together(IReadOnlyList<LoadSecond[]> processes) => [.. Enumerable.Range(0, processes.Max(static seconds => seconds.Length)).Select(i =>
    {
        var seconds = processes.Select(process => process[i]).ToArray();
        return new LoadSecond
        {
            Begun = seconds.Sum(static second => second.Begun),
            Done = seconds.Sum(static second => second.Done),
            Failures = seconds.SelectMany(static second => second.Failures).GroupBy(static failure => failure.Key).ToDictionary(static kind => kind.Key, static kind => kind.Sum(static failure => failure.Value)),
            Latencies = [.. seconds.SelectMany(static second => second.Latencies)],
        };
    })];

    /// <summary>The latency that so many percent of the successful operations stayed within, in milliseconds; 0 when there were none.</summary>
    public static double PercentileMs(IEnumerable<LoadSecond> seconds, double percentile)
    {
        var latencies = seconds.SelectMany(static second => second.Latencies).OrderBy(static latency => latency[0]).ToArray();
        var left = (long)Math.Ceiling(latencies.Sum(static latency => latency[1]) * percentile / 100);
        foreach (var latency in latencies)
        {
            left -= latency[1];
            if (left <= 0)
            {
                return latency[0] / 10.0;
            }
        }

        return 0;
    }
}

/// <summary>Counts operations by the second, from many threads.</summary>
internal sealed class LoadSeconds
{
    private const long GreatestTenths = 600_000;

    private readonly TimeProvider time;
    private readonly Second[] seconds;
    private long underWay;

    public LoadSeconds(TimeProvider time, int count)
    {
        this.time = time;
        seconds = [.. Enumerable.Range(0, count).Select(static _ => new Second())];
        Origin = time.GetTimestamp();
    }

    /// <summary>When the first second begins.</summary>
    public long Origin { get; }

    /// <summary>Operations without an answer.</summary>
    public long UnderWay => Interlocked.Read(ref underWay);

    public bool IsWithin(long timestamp) => IndexOf(timestamp) < seconds.Length;

    public void Begin(long meantAt)
    {
        Interlocked.Increment(ref underWay);
        Interlocked.Increment(ref seconds[IndexOf(meantAt)].Begun);
    }

    /// <summary>One has ended.</summary>
    /// <param name="meantAt">When it was to begin.</param>
    /// <param name="failure">What it came to; null: it succeeded.</param>
    public void End(long meantAt, string? failure)
    {
        var second = seconds[IndexOf(meantAt)];
        lock (second)
        {
            if (failure is null)
            {
                second.Latencies.RecordValue(Math.Clamp((long)(time.GetElapsedTime(meantAt).TotalMilliseconds * 10), 1, GreatestTenths));
            }
            else
            {
                second.Failures[failure] = second.Failures.GetValueOrDefault(failure) + 1;
            }
        }

        Interlocked.Decrement(ref underWay);
    }

    public IReadOnlyList<LoadSecond> Take() => [.. seconds.Select(static second =>
    {
        lock (second)
        {
            return new LoadSecond
            {
                Begun = second.Begun,
                Done = (int)second.Latencies.TotalCount,
                Failures = new SortedDictionary<string, int>(second.Failures, StringComparer.Ordinal),
                Latencies = [.. second.Latencies.RecordedValues().Select(static value => new[] { value.ValueIteratedTo, value.CountAddedInThisIterationStep })],
            };
        }
    })];

    private int IndexOf(long timestamp) => (int)time.GetElapsedTime(Origin, timestamp).TotalSeconds;

    private sealed class Second
    {
        public int Begun;

        public Dictionary<string, int> Failures { get; } = [];

        public LongHistogram Latencies { get; } = new(1, GreatestTenths, 2);
    }
}
