using System.CommandLine;

namespace MultiDc.KnownBugs;

/// <summary><c>table</c>: what is recorded, for people.</summary>
internal static class TableCommand
{
    public static Command Create()
    {
        var command = new Command("table", "Print what is recorded, as it stands in tests/README.md.");
        command.SetAction(static _ => KnownBugsCommand.RunAsync(static repository =>
        {
            Console.Write(KnownBugTable.Write(KnownBugFile.ReadAll(repository)));
            return Task.FromResult(KnownBugsCommand.Good);
        }));
        return command;
    }
}
