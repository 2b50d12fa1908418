using CsCheck;

namespace MultiDc.Raft.Tests;

public sealed class LeaseWorldTests
{
    [Fact]
    public void While_a_lease_holds_nobody_leads_a_later_term_as_long_as_clocks_keep_the_bound() => Sample(
        seed => Run(seed, Rates(seed, 950_000, 1_045_000)));

    [Fact]
    public void Clocks_far_beyond_the_bound_give_no_lease_that_does_not_hold() => Sample(
        seed => Run(seed, Rates(seed, 400_000, 2_500_000)));

    [Fact]
    public void Leases_are_held_most_of_the_time_and_lost_in_every_way()
    {
        var runs = Enumerable.Range(1, 10).Select(seed => Run((ulong)seed, Rates((ulong)seed, 950_000, 1_045_000))).ToList();
        Assert.True(runs.Sum(run => run.Held) > 5_000, $"held {runs.Sum(run => run.Held)}");
        Assert.True(runs.Sum(run => run.LeadersSeen) > 50, $"terms {runs.Sum(run => run.LeadersSeen)}");
        Assert.All([RaftProbe.LeaseNotHeld, RaftProbe.LeaseForfeited], probe => Assert.True(runs.Sum(run => run.Probes[probe]) > 100, $"{probe}"));

        // Without a clock that breaks the bound none is ever suspected.
        Assert.Equal(0, runs.Sum(run => run.Probes[RaftProbe.ClocksDisagreed]));
    }

    private static void Sample(Action<ulong> run) =>
        Gen.ULong.Sample(run, iter: int.Parse(Environment.GetEnvironmentVariable("MULTIDC_SEEDS") ?? "25"), threads: 2);

    private static long[] Rates(ulong seed, int least, int most)
    {
        var random = new SeededRandomSource(seed + 1);
        return [.. Enumerable.Range(0, 3 + (2 * random.Next(0, 4) / 3)).Select(_ => (long)(random.Next(0, 2) == 0 ? least : most))];
    }

    private static LeaseWorld Run(ulong seed, long[] rates)
    {
        var world = new LeaseWorld(seed, rates);
        try
        {
            world.Run(seconds: 30);
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"REPRODUCE WITH: Run({seed}, [{string.Join(", ", rates)}])", failure);
        }

        return world;
    }
}
