using static MultiDc.Linearizability.Tests.History;

namespace MultiDc.Linearizability.Tests;

public class DurabilityCheckTests
{
    private static readonly Operation[] Written =
    [
        Put(1, "a", 0, 1, "plain"), Put(2, "b", 2, 3, "plain"),
        Put(1, "a", 0, 9, "raced"), Put(2, "b", 0, 9, "raced"),
        Put(1, "a", 0, 1, "unknown"), Unknown(Put(2, "b", 2, 3, "unknown")),
        Put(1, "a", 0, 1, "deleted"), Delete(1, 2, 3, "deleted"),
    ];

    [Theory]
    [InlineData("a", "a")]
    [InlineData("b", "b")]
    public void Every_state_that_the_acknowledged_writes_allow_is_durable(string raced, string unknown)
    {
        var report = DurabilityCheck.LostWrites(Written, new Dictionary<string, string?> { ["plain"] = "b", ["raced"] = raced, ["unknown"] = unknown });
        Assert.True(report.IsDurable);
        Assert.Empty(report.Lost);
    }

    [Fact]
    public void Lost_resurrected_missing_and_invented_values_are_named()
    {
        var report = DurabilityCheck.LostWrites(
            Written,
            new Dictionary<string, string?> { ["plain"] = "a", ["unknown"] = null, ["deleted"] = "a", ["nowhere"] = "x", ["empty"] = null });
        Assert.False(report.IsDurable);
        Assert.Equal(["deleted", "nowhere", "plain", "raced", "unknown"], report.Lost.Select(k => k.Key));
        Assert.All(report.Lost, k => Assert.Equal(DurabilityCheck.FinalReader, k.Stuck.Client));
    }

    [Fact]
    public void The_final_read_comes_after_unknown_operations_that_started_last() =>
        Assert.True(DurabilityCheck.LostWrites([Unknown(Put(1, "a", 5, 6))], new Dictionary<string, string?> { ["k"] = "a" }).IsDurable);

    [Fact]
    public void An_undecided_key_is_not_durable()
    {
        var report = DurabilityCheck.LostWrites(Written, new Dictionary<string, string?>(), new() { StepBudgetPerKey = 1 });
        Assert.False(report.IsDurable);
        Assert.Contains("plain", report.UndecidedKeys);
    }
}
