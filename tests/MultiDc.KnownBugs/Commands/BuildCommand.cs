using System.CommandLine;

namespace MultiDc.KnownBugs;

/// <summary><c>build</c>: the test build.</summary>
internal static class BuildCommand
{
    public static Command Create()
    {
        var command = new Command("build", "Make the test build.");
        command.SetAction(static _ => KnownBugsCommand.RunAsync(static async repository =>
        {
            await new TestBuild(repository, KnownBugFile.ReadAll(repository)).MakeAsync(Console.Out);
            return KnownBugsCommand.Good;
        }));
        return command;
    }
}
