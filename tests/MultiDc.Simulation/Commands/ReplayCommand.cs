using System.CommandLine;

namespace MultiDc.Simulation;

/// <summary><c>replay</c>: one seed, with its whole conversation in a file.</summary>
internal static class ReplayCommand
{
    public static Command Create()
    {
        var seed = SimulationCommand.SeedOption();
        var output = new Option<FileInfo?>("--out") { Description = "The file to write. Default: seed-N.log in the current folder." };
        var command = new Command("replay", "Run one seed and write everything that happens to a file.") { seed, output };
        command.SetAction(parsed => Replay(parsed.GetValue(seed), parsed.GetValue(output)));
        return command;
    }

    private static int Replay(ulong seed, FileInfo? output)
    {
        var path = output?.FullName ?? Path.GetFullPath($"seed-{seed}.log");
        var result = ConversationFile.Write(seed, path);
        RunReport.Print(result, Console.Out);
        Console.WriteLine($"the conversation: {path}");
        return result.Violation is null ? SimulationCommand.Clean : SimulationCommand.FoundViolations;
    }
}
