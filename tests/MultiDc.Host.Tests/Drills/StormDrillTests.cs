using MultiDc.Host.Drills.Retrying;

namespace MultiDc.Host.Tests.Drills;

/// <summary>What the drill of a retry storm makes of sums and sessions.</summary>
public sealed class StormDrillTests
{
    [Fact]
    public void Every_increment_counts_once_and_what_is_undecided_may_have()
    {
        Assert.Empty(Report(4, [1, 2, 3, 4]).Problems());
        Assert.Empty(Report(4, [1, 3, 4], undecided: 1).Problems());
        Assert.Empty(Report(3, [1, 2, 3], undecided: 1).Problems());
    }

    [Fact]
    public void What_counted_twice_or_not_at_all_is_a_violation_and_so_is_a_table_without_bound()
    {
        Assert.Equal(["the counter is 5 after 4 increments that were acknowledged and 0 that are undecided"], Report(5, [1, 2, 3, 4]).Problems());
        Assert.Equal(
            ["the counter is 3 after 4 increments that were acknowledged and 0 that are undecided", "an increment was answered with a sum that the counter never had"], Report(3, [1, 2, 3, 4]).Problems());
        Assert.Equal(["1 increments were answered with another's sum"], Report(4, [1, 2, 3, 3]).Problems());
        Assert.Equal(["3 of 4 increments came to something"], Report(3, [1, 2, 3]).Problems());
        Assert.Equal(["4,097 sessions are remembered, of at most 4,096"], Report(4, [1, 2, 3, 4], sessions: 4_097).Problems());
    }

    private static StormReport Report(long sum, long[] answered, int undecided = 0, int sessions = 10) => new()
    {
        Options = new() { Script = "", Increments = 4, Lost = 0.3, Seed = 1 },
        Took = TimeSpan.FromSeconds(1),
        Sum = sum,
        Answered = answered,
        Undecided = undecided,
        AnswersLost = 2,
        Elections = 1,
        Sessions = sessions,
    };
}
