using Microsoft.Extensions.Time.Testing;
using MultiDc.Host.Bench;

namespace MultiDc.Host.Tests.Bench;

/// <summary>When operations begin in an open loop, on a clock of the test's.</summary>
public sealed class OpenLoopTests
{
    private readonly FakeTimeProvider time = new();

    [Fact]
    public void Operations_begin_evenly_and_each_beginning_is_taken_once()
    {
        var origin = time.GetTimestamp();
        var loop = new OpenLoop(time, origin, rate: 4);
        Assert.Equal([0, 250, 500, 750, 1000], Enumerable.Range(0, 5).Select(_ => time.GetElapsedTime(origin, loop.Take()).TotalMilliseconds));
    }

    [Fact]
    public async Task A_beginning_is_waited_for_and_one_that_has_passed_is_not()
    {
        var loop = new OpenLoop(time, time.GetTimestamp(), rate: 10);
        _ = loop.Take();
        var waiting = loop.WaitUntilAsync(loop.Take(), CancellationToken.None).AsTask();
        time.Advance(TimeSpan.FromMilliseconds(99));
        Assert.False(waiting.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));
        await waiting.WaitAsync(TimeSpan.FromSeconds(60));

        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(loop.WaitUntilAsync(loop.Take(), CancellationToken.None).AsTask().IsCompletedSuccessfully);
    }

    [Fact]
    public void One_slow_answer_is_felt_by_all_that_had_to_wait_behind_it()
    {
        // Ten a second, one client; the first answer takes a second, the others none. Measured from when they could begin, nine of ten would look instant.
        var origin = time.GetTimestamp();
        var loop = new OpenLoop(time, origin, rate: 10);
        var measurements = new Measurements(time, 1, origin, origin + time.TimestampFrequency);
        for (var i = 0; i < 10; i++)
        {
            var meantAt = loop.Take();
            Assert.True(loop.WaitUntilAsync(meantAt, CancellationToken.None).AsTask().IsCompletedSuccessfully);
            measurements.Begin(0, meantAt, time.GetTimestamp());
            time.Advance(TimeSpan.FromSeconds(i == 0 ? 1 : 0));
            measurements.End(0, OperationKind.Get, meantAt, time.GetTimestamp(), OperationOutcome.Done);
        }

        var latencies = measurements.Merge().AllLatencies;
        Assert.Equal(10, latencies.TotalCount);
        Assert.InRange(latencies.MillisecondsAt(10), 99, 101);
        Assert.InRange(latencies.MillisecondsAt(50), 499, 501);
        Assert.InRange(latencies.MillisecondsAt(100), 999, 1_001);
        Assert.InRange(measurements.Merge().Lateness.MillisecondsAt(100), 899, 901);
    }

    [Fact]
    public void Beginnings_between_two_moments_are_counted_as_a_dumb_loop_counts_them()
    {
        foreach (var rate in (double[])[0.3, 1, 3, 7, 999.9, 12_345])
        {
            var origin = time.GetTimestamp();
            var (loop, dumb) = (new OpenLoop(time, origin, rate), new OpenLoop(time, origin, rate));
            var beginnings = Enumerable.Range(0, 20_000).Select(_ => dumb.Take()).ToArray();
            foreach (var (from, to) in ((double, double)[])[(0, 1), (0.5, 1.5), (0.1, 0.1), (1, 1.3)])
            {
                var (first, last) = (origin + (long)(from * time.TimestampFrequency), origin + (long)(to * time.TimestampFrequency));
                Assert.Equal(beginnings.Count(at => at >= first && at < last), loop.CountBetween(first, last));
            }
        }
    }
}
