using System.Globalization;
using Xunit.Abstractions;

namespace MultiDc.Simulation.Tests;

/// <summary>Fresh seeds at every run of the tests, and every seed that ever failed.</summary>
public sealed class SweepTests(ITestOutputHelper output)
{
    private const int FreshSeeds = 200;

    [Fact]
    public void Fresh_seeds_find_no_violation()
    {
        // MULTIDC_FIRST_SEED repeats a run of the tests; otherwise each begins elsewhere.
        var first = ulong.TryParse(Environment.GetEnvironmentVariable("MULTIDC_FIRST_SEED"), CultureInfo.InvariantCulture, out var given)
            ? given
            : 1_000_000 + ((ulong)TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() * 1000);
        output.WriteLine($"seeds from {first}");
        Sweep(new() { First = first, Seeds = FreshSeeds, Jobs = 2, AgainOneIn = 50 });
    }

    [Fact]
    public void Seeds_that_ever_failed_find_no_violation()
    {
        foreach (var seed in FailingSeeds.Read())
        {
            Sweep(new() { First = seed, Seeds = 1 });
        }
    }

    private void Sweep(SweepOptions options)
    {
        var text = new StringWriter(CultureInfo.InvariantCulture);
        var report = new Sweep(options).Go(text);
        report.Print(text);
        output.WriteLine(text.ToString());
        Assert.True(report.IsClean, text.ToString());
        Assert.Equal(options.Seeds, report.Seeds);
        Assert.True(report.LeastOperations >= WorkloadPlan.LeastOperations && report.LeastFaults >= FaultPlan.LeastFaults, "a run that was asked too little proves nothing");
        Assert.True(report.LeastSimulated >= TimeSpan.FromMinutes(10), "a run that was too short proves nothing");
    }
}
