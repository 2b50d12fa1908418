using System.Text.Json;
using Xunit.Abstractions;

namespace MultiDc.EndToEnd.Tests.Local;

/// <summary>
/// More than the system can do is asked of real silos, for a little while. Whether that causes an election, and how soon it is over, depends on what else this machine does, so only
/// what holds on any machine is required: everything is answered, by a result, and nothing grows without bound. The drill itself judges the rest.
/// </summary>
public sealed class OverloadTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Several_times_the_capacity_is_answered_with_results_only_and_within_bounded_memory()
    {
        await using var local = new LocalDatacenters(output);
        await local.DoAsync("up", "--no-build", "--silos", "1", "--shards", "4");

        // So many clients that it is the processors that limit them, and not the round trips: else several times as much is no overload.
        var drill = await local.DrillAsync("overload", "--minutes", "0.2", "--clients", "256", "--times", "4", "--json");
        var report = JsonSerializer.Deserialize<JsonElement>(drill.Output.Split('\n').Single(static line => line.StartsWith('{')));
        Assert.Equal(report.GetProperty("kept").GetBoolean() ? 0 : 6, drill.ExitCode);
        Assert.Equal(0, report.GetProperty("unanswered").GetInt64());
        var failures = new[] { "normal", "overload", "after" }.SelectMany(phase => report.GetProperty(phase).GetProperty("failures").EnumerateObject()).Select(static failure => failure.Name).ToArray();
        Assert.DoesNotContain(failures, static kind => kind.StartsWith("exception", StringComparison.Ordinal) || kind.EndsWith("without a hint", StringComparison.Ordinal));
        Assert.Contains("write rejected: overloaded", failures);
        Assert.True(report.GetProperty("overload").GetProperty("done").GetInt64() > 0);
        Assert.All(report.GetProperty("memory").EnumerateArray(), static silo => Assert.InRange(silo.GetProperty("greatest").GetInt64(), 1, 1L << 30));
    }
}
