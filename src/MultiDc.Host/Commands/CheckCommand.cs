using System.CommandLine;
using System.Diagnostics;
using MultiDc.Host.CommandLine;
using MultiDc.Linearizability;

namespace MultiDc.Host.Commands;

/// <summary><c>multidc check FILE</c>: judges a recorded history, the demo's or anybody's in its format.</summary>
internal static class CheckCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var file = new Argument<FileInfo>("FILE") { Description = "The history as NDJSON, one operation a line, as 'demo --history' writes it." };
        var command = new Command("check", "Say whether a recorded history is linearizable.") { file };
        command.SetAction((parsed, _) => JudgeAsync(parsed.GetRequiredValue(file), surroundings));
        return command;
    }

    private static async Task<int> JudgeAsync(FileInfo file, Surroundings surroundings)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var verdict = LinearizabilityChecker.Check(Read(file));
        await surroundings.Out.WriteLineAsync(verdict.Explain().TrimEnd()).ConfigureAwait(false);
        await surroundings.Error.WriteLineAsync($"read and judged in {Stopwatch.GetElapsedTime(startedAt).TotalSeconds:0.0} s").ConfigureAwait(false);
        return (int)(verdict switch
        {
            Linearizable => ExitCode.Done,
            Violation => ExitCode.Violation,
            _ => ExitCode.Undecided,
        });
    }

    private static List<Operation> Read(FileInfo file)
    {
        try
        {
            using var stream = file.OpenRead();
            return [.. HistoryReader.Read(stream)];
        }
        catch (HistoryFormatException exception)
        {
            throw new CommandException(ExitCode.BadInputFile, $"{file}: {exception.Message}");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.BadInputFile, $"the history cannot be read: {exception.Message}");
        }
    }
}
