using HdrHistogram;

namespace MultiDc.Host.Bench;

/// <summary>
/// What is counted while a benchmark runs. Operations count that were to begin within the window; they may end after it. Many clients share few
/// recorders, each under a lock of its own, since a histogram takes some hundred kilobytes.
/// </summary>
internal sealed class Measurements
{
    private const int MaxRecorders = 16;

    private readonly TimeProvider time;
    private readonly Recorder[] recorders;

    public Measurements(TimeProvider time, int clients, long windowFrom, long windowTo)
    {
        this.time = time;
        (WindowFrom, WindowTo) = (windowFrom, windowTo);
        recorders = [.. Enumerable.Range(0, Math.Min(clients, MaxRecorders)).Select(static _ => new Recorder())];
    }

    public long WindowFrom { get; }

    public long WindowTo { get; }

    /// <summary>An operation begins.</summary>
    /// <param name="client">Whose.</param>
    /// <param name="meantAt">When it was to begin.</param>
    /// <param name="beganAt">When it did.</param>
    public void Begin(int client, long meantAt, long beganAt)
    {
        if (!IsMeasured(meantAt))
        {
            return;
        }

        var recorder = recorders[client % recorders.Length];
        lock (recorder)
        {
            recorder.Begun++;
            recorder.Lateness.RecordValue(LatencyHistogram.Of(time.GetElapsedTime(meantAt, beganAt)));
        }
    }

    /// <summary>It ends.</summary>
    public void End(int client, OperationKind kind, long meantAt, long endedAt, OperationOutcome outcome)
    {
        // What ends within the window was done by it, even when it began before; else a window that begins in a lull would miss what ends it.
        var recorder = recorders[client % recorders.Length];
        lock (recorder)
        {
            if (outcome.Failure is null && endedAt >= WindowFrom && endedAt < WindowTo)
            {
                recorder.DoneWithin++;
            }

            if (!IsMeasured(meantAt))
            {
                return;
            }

            if (outcome.Failure is { } failure)
            {
                recorder.Failures[failure] = recorder.Failures.GetValueOrDefault(failure) + 1;
                return;
            }

            recorder.LatencyOf(kind).RecordValue(LatencyHistogram.Of(time.GetElapsedTime(meantAt, endedAt)));
        }
    }

    /// <summary>All recorders together.</summary>
    public MeasuredOperations Merge()
    {
        var latencies = new SortedDictionary<OperationKind, LongHistogram>();
        var failures = new SortedDictionary<string, long>(StringComparer.Ordinal);
        var lateness = LatencyHistogram.Create();
        var (begun, doneWithin) = (0L, 0L);
        foreach (var recorder in recorders)
        {
            lock (recorder)
            {
                begun += recorder.Begun;
                doneWithin += recorder.DoneWithin;
                lateness.Add(recorder.Lateness);
                foreach (var (kind, histogram) in recorder.Latencies)
                {
                    if (!latencies.TryGetValue(kind, out var all))
                    {
                        latencies.Add(kind, all = LatencyHistogram.Create());
                    }

                    all.Add(histogram);
                }

                foreach (var (failure, count) in recorder.Failures)
                {
                    failures[failure] = failures.GetValueOrDefault(failure) + count;
                }
            }
        }

        return new(begun, doneWithin, latencies, failures, lateness);
    }

    private bool IsMeasured(long meantAt) => meantAt >= WindowFrom && meantAt < WindowTo;

    private sealed class Recorder
    {
        public Dictionary<OperationKind, LongHistogram> Latencies { get; } = [];

        public Dictionary<string, long> Failures { get; } = [];

        public LongHistogram Lateness { get; } = LatencyHistogram.Create();

        public long Begun { get; set; }

        public long DoneWithin { get; set; }

        public LongHistogram LatencyOf(OperationKind kind)
        {
            if (!Latencies.TryGetValue(kind, out var histogram))
            {
                Latencies.Add(kind, histogram = LatencyHistogram.Create());
            }

            return histogram;
        }
    }
}

/// <summary>What was counted.</summary>
/// <param name="Begun">Operations of the window that began.</param>
/// <param name="DoneWithin">Operations that were done within the window.</param>
/// <param name="Latencies">Of the window's operations that were done.</param>
/// <param name="Failures">Of the window's operations that were not, by kind.</param>
/// <param name="Lateness">How much later than meant they began.</param>
internal sealed record MeasuredOperations(
    long Begun, long DoneWithin, IReadOnlyDictionary<OperationKind, LongHistogram> Latencies, IReadOnlyDictionary<string, long> Failures, LongHistogram Lateness)
{
    /// <summary>Those of all kinds together.</summary>
    public LongHistogram AllLatencies
    {
        get
        {
            var all = LatencyHistogram.Create();
            foreach (var histogram in Latencies.Values)
            {
                all.Add(histogram);
            }

            return all;
        }
    }

    /// <summary>Begun and neither done nor failed when nobody waited any longer.</summary>
    public long Unfinished => Begun - Latencies.Values.Sum(static histogram => histogram.TotalCount) - Failures.Values.Sum();
}

/// <summary>Histograms of latencies: of a tenth of a microsecond, three digits, up to ten minutes.</summary>
internal static class LatencyHistogram
{
    private const int Digits = 3;
    private const long UnitsPerMillisecond = TimeSpan.TicksPerMillisecond;
    private static readonly long Greatest = TimeSpan.FromMinutes(10).Ticks;

    public static LongHistogram Create() => new(1, Greatest, Digits);

    public static long Of(TimeSpan latency) => Math.Clamp(latency.Ticks, 0, Greatest);

    public static double MillisecondsAt(this HistogramBase histogram, double percentile) =>
        histogram.TotalCount == 0 ? 0 : histogram.GetValueAtPercentile(percentile) / (double)UnitsPerMillisecond;
}
