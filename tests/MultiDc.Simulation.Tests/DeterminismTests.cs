using System.Diagnostics;

namespace MultiDc.Simulation.Tests;

/// <summary>One seed is one run: the same digest always, whatever else the machine does.</summary>
public sealed class DeterminismTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void The_same_seed_gives_the_same_digest_twice(ulong seed)
    {
        var (first, second) = (new SimulationRun(seed).Go(), new SimulationRun(seed).Go());

        Assert.Equal(first.Digest, second.Digest);
        Assert.Equal((first.Occurrences, first.Parcels, first.Committed), (second.Occurrences, second.Parcels, second.Committed));
    }

    [Fact]
    public void Telling_the_conversation_changes_nothing()
    {
        using var told = new StringWriter();

        Assert.Equal(new SimulationRun(5).Go().Digest, new SimulationRun(5, told).Go().Digest);
        Assert.Contains("LEADS in term", told.ToString());
    }

    [Fact]
    public void Another_seed_gives_another_digest() => Assert.NotEqual(new SimulationRun(6).Go().Digest, new SimulationRun(7).Go().Digest);

    [Fact]
    public async Task Another_process_under_other_load_gives_the_same_digest()
    {
        var here = new SimulationRun(8).Go().Digest;

        // Everything of this process keeps the processors, the thread pool and the collector busy meanwhile.
        using var isOver = new CancellationTokenSource();
        var load = Enumerable.Range(0, 2 * Environment.ProcessorCount).Select(_ => Task.Run(() =>
        {
            for (var kept = new byte[1][]; !isOver.IsCancellationRequested;)
            {
                kept[0] = new byte[10_000];
            }
        })).ToArray();
        var loaded = new SimulationRun(8).Go().Digest;
        var elsewhere = DigestOfAnotherProcess(8);
        await isOver.CancelAsync();
        await Task.WhenAll(load);

        Assert.Equal(here, loaded);
        Assert.Equal($"{here:x16}", elsewhere);
    }

    private static string DigestOfAnotherProcess(ulong seed)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(SimulationRun).Assembly.Location, "run", "--seed", $"{seed}"]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        var first = output.Split('\n')[0];
        return first[(first.LastIndexOf(' ') + 1)..].Trim();
    }
}
