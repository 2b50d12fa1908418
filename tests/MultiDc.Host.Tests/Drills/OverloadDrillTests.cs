using MultiDc.Host.Drills.Overload;

namespace MultiDc.Host.Tests.Drills;

/// <summary>What the drill of an overload makes of what was counted.</summary>
public sealed class OverloadDrillTests
{
    private const long MiB = 1024 * 1024;

    [Fact]
    public void Nothing_is_wrong_when_everything_is_bounded_and_served_again()
    {
        var report = Report();
        Assert.Empty(report.Problems());
        Assert.Equal(2, report.RecoveredAfter!.Value.TotalSeconds);
        using var text = new StringWriter();
        report.Write(text);
        Assert.Contains("VERDICT      no violation", text.ToString());
        Assert.Contains("3.0 times the capacity in fact", text.ToString());
    }

    [Fact]
    public void An_election_an_exception_and_a_refusal_without_a_hint_are_problems_and_so_is_no_answer()
    {
        Assert.Equal(["3 elections"], Report(elections: 3).Problems());
        Assert.Equal(["callers were told 'exception: TimeoutException'"], Report(failure: "exception: TimeoutException").Problems());
        Assert.Equal(["callers were told 'write rejected: overloaded, without a hint'"], Report(failure: "write rejected: overloaded, without a hint").Problems());
        Assert.Equal(["100 operations were never answered"], Report(unanswered: 100).Problems());
    }

    [Fact]
    public void Memory_is_bounded_by_its_limit_and_by_not_growing_while_the_overload_lasts()
    {
        Assert.Equal(["dc1-a took 1,200 MiB"], Report(memory: static second => second == 10 ? 1_200 : 200).Problems());
        Assert.Equal(["dc1-a grew from 310 to 460 MiB while the overload lasted"], Report(memory: static second => 200 + Math.Max(second, 0) * 5).Problems());

        // It may grow at first, and vary.
        Assert.Empty(Report(memory: static second => second < 5 ? 200 : 500 + (second % 7)).Problems());
    }

    [Fact]
    public void Normal_load_must_be_served_as_before_within_five_seconds()
    {
        Assert.Equal(["normal load was served as before only after 6 s"], Report(slowSeconds: 6).Problems());
        Assert.Equal(["normal load was never served as before"], Report(slowSeconds: 20).Problems());
    }

    [Fact]
    public void Percentiles_are_those_of_all_processes_together()
    {
        var all = LoadSecond.Together([[Second(2, 2, [[10, 1], [30, 1]])], [Second(3, 2, [[20, 2]])]]);
        Assert.Equal((5, 4), (all[0].Begun, all[0].Done));
        Assert.Equal((2, 3, 0), (LoadSecond.PercentileMs(all, 50), LoadSecond.PercentileMs(all, 99), LoadSecond.PercentileMs([], 99)));
    }

    private static OverloadReport Report(ulong elections = 0, string failure = "write rejected: overloaded", int unanswered = 0, int slowSeconds = 2, Func<int, int>? memory = null) => new()
    {
        Options = new() { Script = "", Length = TimeSpan.FromSeconds(60), Times = 3, Clients = 1, MemoryLimitBytes = 1_024 * MiB },
        Capacity = 1_000,
        Offered = 3_000,
        Normal = [.. Enumerable.Repeat(Second(300, 300, [[100, 300]]), 20)],
        Overload = [.. Enumerable.Range(0, 60).Select(i => Second(3_000 + (i == 0 ? unanswered : 0), 1_000, [[5_000, 1_000]]) with { Failures = new Dictionary<string, int> { [failure] = 2_000 } })],
        After = [.. Enumerable.Range(0, 20).Select(i => Second(300, 300, [[i < slowSeconds ? 20_000 : 100, 300]]))],
        Memory = [.. Enumerable.Range(-20, 100).Select(second => new MemorySample("dc1-a", TimeSpan.FromSeconds(second), (memory?.Invoke(second) ?? 300) * MiB))],
        Elections = elections,
        Shards = 8,
        Restarted = [],
    };

    private static LoadSecond Second(int begun, int done, long[][] latencies) => new() { Begun = begun, Done = done, Failures = new Dictionary<string, int>(), Latencies = latencies };
}
