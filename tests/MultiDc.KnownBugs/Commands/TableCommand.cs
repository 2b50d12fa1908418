using System.CommandLine;

namespace MultiDc.KnownBugs;

/// <summary><c>table</c>: what is recorded, for people.</summary>
internal static class TableCommand
{
    public static Command Create()
    {
        var write = new Option<bool>("--write") { Description = "Put it into tests/README.md." };
        var command = new Command("table", "Print what is recorded, as it stands in tests/README.md.") { write };
        command.SetAction(parsed => KnownBugsCommand.RunAsync(repository =>
        {
            var bugs = KnownBugFile.ReadAll(repository);
            Console.Write(KnownBugTable.Write(bugs));
            if (parsed.GetValue(write))
            {
                File.WriteAllText(repository.Readme, KnownBugTable.PutInto(File.ReadAllText(repository.Readme), bugs));
            }

            return Task.FromResult(KnownBugsCommand.Good);
        }));
        return command;
    }
}
