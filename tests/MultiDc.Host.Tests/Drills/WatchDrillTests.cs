using MultiDc.Grains;
using MultiDc.Host.Drills.Watching;
using MultiDc.Server.StateMachine;

namespace MultiDc.Host.Tests.Drills;

/// <summary>What the drills of watches make of logs and of what watchers were told.</summary>
public sealed class WatchDrillTests
{
    [Fact]
    public void The_log_tells_each_change_once_and_nothing_that_changed_nothing()
    {
        var changes = LoggedChanges.ChangesOf(
            [
                (1, new StoredSessionOpening()),
                (2, Write(1, 1, "d/a", "x")),
                (3, Write(1, 1, "d/a", "x")),
                (4, Write(1, 2, "other", "x")),
                (5, Write(1, 3, "d/b", null)),
                (6, Write(1, 4, "d/a", "y")),
                (7, Write(9, 4, "d/a", null)),
                (8, Write(1, 5, "d/a", null)),
                (9, Write(1, 6, "d/a", "z")),
            ],
            "d/",
            after: 2);
        Assert.Equal(["6 d/a =y", "7 d/a gone", "9 d/a =z"], changes);
    }

    [Theory]
    [InlineData("5 a =x", "6 a gone")]
    [InlineData("5 a =x", "6 a gone", "6 a gone")]
    [InlineData("6 a gone", "5 a =x", "7 b =y")]
    [InlineData("5 a =x", "7 b =y", "8 c =z")]
    [InlineData("5 a =x", "6 a gone", "7 b =y", "7 b =y")]
    public void What_is_missing_twice_out_of_order_or_other_is_a_difference(params string[] told)
    {
        var difference = Assert.Single(Compare(told).Differences);
        Assert.Contains("the watcher w, shard 0", difference);
    }

    [Fact]
    public void What_is_told_as_the_log_has_it_from_where_the_watcher_began_is_none()
    {
        var comparison = Compare("5 a =x", "6 a gone", "7 b =y");
        Assert.Empty(comparison.Differences);
        Assert.Equal(3, comparison.Compared);
    }

    [Fact]
    public void The_rate_is_that_of_the_churn_alone_and_too_few_writes_are_no_trial()
    {
        var report = new ChurnReport
        {
            Options = new() { Script = "", Kills = 5, ChangesPerKill = 4, Rate = 2_500, LeastRate = 2_000, Seed = 1 },
            Shards = 1,
            LeaderChanges = 20,
            Elections = 30,
            Restarted = [],
            From = TimeSpan.FromSeconds(10.5),
            To = TimeSpan.FromSeconds(14.5),
            Writes = [new([[10, 9_000], [11, 1_000], [12, 1_000], [13, 800], [14, 9_000]], 0, 0, 0), new([[11, 1_000], [12, 1_000]], 0, 0, 0)],
            Streams = [],
            Differences = Compare("5 a =x", "6 a gone", "7 b =y"),
        };
        Assert.Equal([2_000L, 2_000, 800], report.AppliedBySecond);
        Assert.Equal(["only 1,600 writes a second were acknowledged, of 2,000: the trial is too weak"], report.Problems());
    }

    [Fact]
    public void A_stuck_watcher_is_judged_by_the_medians_of_the_turns()
    {
        var report = new StuckReport
        {
            Options = new() { Script = "", Watchers = 1_000, Turns = 3, TurnLength = TimeSpan.FromSeconds(10), Rate = 40, MaxRatio = 1.5 },
            Turns = [.. new[] { 10.0, 11, 90 }.Select(static ms => new StuckTurn(false, 1, 1, ms)), .. new[] { 12.0, 15, 16 }.Select(static ms => new StuckTurn(true, 1, 1, ms))],
        };
        Assert.Equal((11, 15, true), (report.P99WithoutMs, report.P99WithMs, report.IsKept));
        Assert.False(new StuckReport { Options = report.Options with { MaxRatio = 1.3 }, Turns = report.Turns }.IsKept);
        Assert.False(new StuckReport { Options = report.Options, Turns = [.. report.Turns, new(true, 0, 0, 0)] }.IsKept);
    }

    private static StreamComparison Compare(params string[] told) =>
        StreamComparison.Of([new("w", [4], [told], 0, null)], [["4 a =w", "5 a =x", "6 a gone", "7 b =y"]]);

    private static StoredWrite Write(ulong session, ulong sequence, string key, string? value)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(key);
        return new(new(session), new(sequence), value is null ? new DeleteOperation(bytes) : new PutOperation(bytes, System.Text.Encoding.UTF8.GetBytes(value)));
    }
}
