using System.CommandLine;

namespace MultiDc.Simulation;

/// <summary>The command line.</summary>
internal static class SimulationCommand
{
    public const int Clean = 0;
    public const int FoundViolations = 1;

    private const string Description = """
        Whole Raft groups, the product's cores in the product's pumps, over a simulated network, disks and clocks. One seed is one run.

          run --seed 7                          one run, in figures
          replay --seed 7                       the same run, with everything that happens written to a file
          sweep --seeds 1000 --minutes 10       many runs; ends after ten minutes at the latest

        Exit codes: 0 no violation, 1 a violation was found.
        """;

    public static RootCommand Create() => new(Description) { RunCommand.Create(), ReplayCommand.Create(), SweepCommand.Create() };

    public static Option<ulong> SeedOption() => new("--seed") { Description = "Which run.", Required = true };
}
