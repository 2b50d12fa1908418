using System.CommandLine;

namespace MultiDc.Simulation;

/// <summary><c>run</c>: one seed, in figures.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var seed = SimulationCommand.SeedOption();
        var times = new Option<int>("--times") { Description = "Run it so often, which must give the same digest each time.", DefaultValueFactory = static _ => 1 };
        var command = new Command("run", "Run one seed.") { seed, times };
        command.SetAction(parsed => Run(parsed.GetValue(seed), parsed.GetValue(times)));
        return command;
    }

    private static int Run(ulong seed, int times)
    {
        RunResult? first = null;
        for (var i = 0; i < times; i++)
        {
            var result = new SimulationRun(seed).Go();
            if (first is null)
            {
                RunReport.Print(result, Console.Out);
            }
            else
            {
                Console.WriteLine($"again: digest {result.Digest:x16} in {result.Elapsed.TotalMilliseconds:0} ms");
            }

            first ??= result;
            if (result.Digest != first.Digest)
            {
                Console.WriteLine($"NOT REPEATED: the digest is another: something in the run is not decided by its seed");
                return SimulationCommand.FoundViolations;
            }
        }

        return first?.Violation is null ? SimulationCommand.Clean : SimulationCommand.FoundViolations;
    }
}
