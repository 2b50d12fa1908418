using CsCheck;

namespace MultiDc.Raft.Tests;

/// <summary>Two clocks over the same true time, with whatever round trips lie between them.</summary>
public sealed class ClockCheckTests
{
    private const int BoundPpm = 10_000;
    private const long Window = 10_000_000_000;

    [Fact]
    public void Clocks_within_the_bound_are_never_found_to_disagree() =>
        Gen.Select(Gen.Long[1_000_000, 1_010_000], Gen.Bool, Exchanges).Sample((rate, otherIsFaster, exchanges) =>
        {
            var (own, other) = otherIsFaster ? (1_000_000L, rate) : (rate, 1_000_000L);
            Assert.True(Replay(own, other, exchanges).AllAgreed);
        });

    [Fact]
    public void Rates_that_differ_by_more_than_the_bound_and_two_round_trips_per_window_are_noticed_within_two_windows() =>
        Gen.Select(Gen.Long[20_000, 500_000], Gen.Bool, Exchanges).Sample((excessPpm, otherIsFaster, exchanges) =>
        {
            // Round trips of the generator are 40 ms at most, which hides 8,000 ppm of a window.
            var (own, other) = otherIsFaster ? (1_000_000L, 1_000_000 + excessPpm) : (1_000_000 + excessPpm, 1_000_000L);
            var (allAgreed, everClean) = Replay(own, other, exchanges);
            Assert.False(allAgreed);
            Assert.False(everClean);
        });

    [Theory]
    [InlineData(200_000_000)]
    [InlineData(-1)]
    [InlineData(-200_000_000)]
    public void A_jump_is_noticed_at_once_and_forgotten_after_a_clean_window(long jump)
    {
        var check = new ClockCheck(BoundPpm, Window);
        var at = 0L;
        for (; at <= 2 * Window; at += 100_000_000)
        {
            Assert.True(Observe(0));
            Assert.Equal(at > Window, check.IsClean);
        }

        // A step back of the other clock must be one of its own, not only less advance than expected.
        Assert.False(Observe(jump < 0 ? jump - 100_000_000 : jump));
        for (var until = at + Window; at <= until; at += 100_000_000)
        {
            Assert.False(check.IsClean);
            Assert.True(Observe(jump < 0 ? jump - 100_000_000 : jump));
        }

        Observe(jump < 0 ? jump - 100_000_000 : jump);
        Assert.True(check.IsClean);

        bool Observe(long offset) =>
            check.Observe(new MonotonicTime(at), new MonotonicTime(at + 20_000_000), new MonotonicTime(10 * Window + at + 10_000_000 + offset));
    }

    [Fact]
    public void A_clock_that_stands_still_is_noticed() => Assert.False(Replay(1_000_000, 1, [.. Enumerable.Repeat((100, 10, 10), 50)]).AllAgreed);

    /// <summary>Pause before the exchange, way there, way back, in ms: at least three windows in all.</summary>
    private static Gen<(int Pause, int There, int Back)[]> Exchanges =>
        Gen.Select(Gen.Int[1, 400], Gen.Int[0, 20], Gen.Int[0, 20]).Array[200, 220];

    private static (bool AllAgreed, bool EverClean) Replay(long ownRate, long otherRate, (int Pause, int There, int Back)[] exchanges)
    {
        var check = new ClockCheck(BoundPpm, Window);
        var (time, allAgreed, everClean) = (1_000_000_000L, true, false);
        foreach (var (pause, there, back) in exchanges)
        {
            var sentAt = time += pause * 1_000_000L;
            var read = time += there * 1_000_000L;
            time += back * 1_000_000L;
            allAgreed &= check.Observe(Clock(sentAt, ownRate), Clock(time, ownRate), Clock(read, otherRate));
            everClean |= check.IsClean;
        }

        return (allAgreed, everClean);
    }

    private static MonotonicTime Clock(long time, long rate) => new((long)((Int128)time * rate / 1_000_000));
}
