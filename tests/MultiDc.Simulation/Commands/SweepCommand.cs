using System.CommandLine;

namespace MultiDc.Simulation;

/// <summary><c>sweep</c>: many seeds, some at a time.</summary>
internal static class SweepCommand
{
    public static Command Create()
    {
        var seeds = new Option<int>("--seeds") { Description = "How many.", DefaultValueFactory = static _ => 200 };
        var first = new Option<ulong>("--first") { Description = "The first of them.", DefaultValueFactory = static _ => 1 };
        var minutes = new Option<double>("--minutes") { Description = "End after so many minutes of real time, whatever was reached; 0: never.", DefaultValueFactory = static _ => 0 };
        var jobs = new Option<int>("--jobs") { Description = "How many at a time.", DefaultValueFactory = static _ => 1 };
        var again = new Option<int>("--again-one-in") { Description = "Run one seed in so many twice: its digest must be the same. 0: none.", DefaultValueFactory = static _ => 100 };
        var failures = new Option<int>("--failures") { Description = "End after so many failures; 0: go on.", DefaultValueFactory = static _ => 0 };
        var output = new Option<DirectoryInfo?>("--out") { Description = "Where the conversations of failed runs go. Default: simulation-failures in the current folder." };
        var command = new Command("sweep", "Run many seeds.") { seeds, first, minutes, jobs, again, failures, output };
        command.SetAction(parsed =>
        {
            var sweep = new Sweep(new()
            {
                First = parsed.GetValue(first),
                Seeds = parsed.GetValue(seeds),
                Limit = parsed.GetValue(minutes) is > 0 and var m ? TimeSpan.FromMinutes(m) : null,
                Jobs = parsed.GetValue(jobs),
                AgainOneIn = parsed.GetValue(again),
                MostFailures = parsed.GetValue(failures),
                Failures = parsed.GetValue(output)?.FullName ?? Path.GetFullPath("simulation-failures"),
            });
            var report = sweep.Go(Console.Out);
            report.Print(Console.Out);
            return report.IsClean ? SimulationCommand.Clean : SimulationCommand.FoundViolations;
        });
        return command;
    }
}
