using Microsoft.Extensions.Time.Testing;
using MultiDc.Host.Bench;
using MultiDc.Raft;

namespace MultiDc.Host.Tests.Bench;

/// <summary>What is counted and what is not.</summary>
public sealed class MeasurementsTests
{
    private const int Clients = 40;
    private readonly FakeTimeProvider time = new();

    [Fact]
    public void The_recorders_of_all_clients_together_are_one_histogram_of_all_latencies()
    {
        var (from, to) = (time.GetTimestamp(), time.GetTimestamp() + (10 * time.TimestampFrequency));
        var measurements = new Measurements(time, Clients, from, to);
        var whole = LatencyHistogram.Create();
        var random = new SeededRandomSource(3);
        for (var i = 0; i < 10_000; i++)
        {
            var took = random.Next(1, 20_000_000);
            whole.RecordValue(LatencyHistogram.Of(TimeSpan.FromTicks(took)));
            measurements.Begin(i % Clients, from, from);
            measurements.End(i % Clients, i % 3 == 0 ? OperationKind.Put : OperationKind.Get, from, from + (took * (time.TimestampFrequency / TimeSpan.TicksPerSecond)), OperationOutcome.Done);
        }

        var measured = measurements.Merge();
        Assert.Equal(10_000, measured.Begun);
        Assert.Equal(10_000, measured.DoneWithin);
        Assert.Equal(3_334, measured.Latencies[OperationKind.Put].TotalCount);
        Assert.Equal(6_666, measured.Latencies[OperationKind.Get].TotalCount);
        foreach (var percentile in (double[])[1, 50, 95, 99, 99.9, 100])
        {
            Assert.Equal(whole.MillisecondsAt(percentile), measured.AllLatencies.MillisecondsAt(percentile));
        }
    }

    [Fact]
    public void Only_what_was_meant_to_begin_within_the_window_is_measured_and_it_may_end_later()
    {
        var origin = time.GetTimestamp();
        long At(double seconds) => origin + (long)(seconds * time.TimestampFrequency);
        var measurements = new Measurements(time, 1, At(1), At(2));
        Operation(0.5, 0.9, OperationOutcome.Done);
        Operation(0.9, 1.1, OperationOutcome.Done);
        Operation(1.2, 1.3, OperationOutcome.Done);
        Operation(1.9, 2.5, OperationOutcome.Done);
        Operation(1.9, 2.6, OperationOutcome.Unknown);
        Operation(2.0, 2.1, OperationOutcome.Done);
        measurements.Begin(0, At(1.5), At(1.5));

        var measured = measurements.Merge();
        Assert.Equal(4, measured.Begun);
        Assert.Equal(2, measured.AllLatencies.TotalCount);
        Assert.InRange(measured.AllLatencies.MillisecondsAt(100), 599, 601);
        Assert.Equal([new("unknown", 1)], measured.Failures);
        Assert.Equal(1, measured.Unfinished);

        // Throughput is what was done within the window, whenever it began.
        Assert.Equal(2, measured.DoneWithin);

        void Operation(double from, double to, OperationOutcome outcome)
        {
            measurements.Begin(0, At(from), At(from));
            measurements.End(0, OperationKind.Put, At(from), At(to), outcome);
        }
    }

    [Fact]
    public void Failures_are_counted_by_kind_over_all_clients()
    {
        var from = time.GetTimestamp();
        var measurements = new Measurements(time, Clients, from, from + time.TimestampFrequency);
        for (var client = 0; client < Clients; client++)
        {
            measurements.Begin(client, from, from);
            measurements.End(client, OperationKind.Put, from, from + 1, client % 4 == 0 ? OperationOutcome.Unknown : new("rejected: overloaded"));
        }

        Assert.Equal([new("rejected: overloaded", 30), new("unknown", 10)], measurements.Merge().Failures);
        Assert.Equal(0, measurements.Merge().DoneWithin);
    }

    [Fact]
    public void Latencies_beyond_the_greatest_are_not_lost()
    {
        Assert.Equal(TimeSpan.FromMinutes(10).Ticks, LatencyHistogram.Of(TimeSpan.FromHours(5)));
        Assert.Equal(0, LatencyHistogram.Of(TimeSpan.FromTicks(-1)));
    }

    [Fact]
    public void Use_is_told_only_of_processes_that_told_before_and_after()
    {
        ServerUsage Usage(string process, int seconds, long? bytes) => new(process, TimeSpan.FromSeconds(seconds), bytes, bytes, bytes);
        Assert.Equal(new(2, TimeSpan.FromSeconds(5), 30, 30, 30), ResourceUse.Between([Usage("a", 1, 10), Usage("b", 2, 20)], [Usage("b", 4, 40), Usage("a", 4, 20)]));

        // Two silos of one process tell the same.
        Assert.Equal(new(1, TimeSpan.FromSeconds(1), 5, 5, 5), ResourceUse.Between([Usage("a", 1, 10), Usage("a", 1, 10)], [Usage("a", 2, 15), Usage("a", 2, 15)]));
        Assert.Equal(new(2, TimeSpan.FromSeconds(2), null, null, null), ResourceUse.Between([Usage("a", 1, 10), Usage("b", 1, null)], [Usage("a", 2, 20), Usage("b", 2, null)]));
        Assert.Null(ResourceUse.Between([Usage("a", 1, 10)], [Usage("restarted", 0, 0)]));
        Assert.Null(ResourceUse.Between([Usage("a", 1, 10)], [Usage("a", 2, 10), Usage("b", 0, 0)]));
        Assert.Null(ResourceUse.Between([Usage("a", 1, 10), Usage("b", 1, 10)], [Usage("a", 2, 10)]));
        Assert.Null(ResourceUse.Between([], []));
    }
}
