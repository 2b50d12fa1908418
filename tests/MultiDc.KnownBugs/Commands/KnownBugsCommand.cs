using System.CommandLine;

namespace MultiDc.KnownBugs;

/// <summary>The command line.</summary>
internal static class KnownBugsCommand
{
    public const int Good = 0;
    public const int Bad = 1;

    private const string Description = """
        Known bugs of Raft implementations, planted into a copy of the product: does the simulator find them?

          build                         make the test build: the product, the simulator and some tests, with all bugs in them, asleep
          sweep                         wake each bug, and run seed after seed until one finds it
          sweep --bug 04 --seeds 100    one bug (and its variants), a hundred seeds
          sweep --record                write the seeds that find them into the bug files, as is needed when the simulator has changed
          check                         the recorded seeds still find their bugs, and nothing without them
          table --write                 what is recorded, printed and put into tests/README.md

        Exit codes: 0 as recorded, 1 not.
        """;

    public static RootCommand Create() =>
        new(Description) { BuildCommand.Create(), SweepCommand.Create(), CheckCommand.Create(), TableCommand.Create() };

    /// <summary>Does it, and says what is wrong with the bug files if something is.</summary>
    public static async Task<int> RunAsync(Func<Repository, Task<int>> run)
    {
        try
        {
            return await run(Repository.Find());
        }
        catch (KnownBugException exception)
        {
            Console.Error.WriteLine(exception.Message);
            return Bad;
        }
    }

    public static Option<string?> BugOption() => new("--bug") { Description = "Only bugs whose number begins so." };

    public static Option<int> JobsOption() => new("--jobs") { Description = "How many at a time.", DefaultValueFactory = static _ => 1 };

    public static KnownBugFile[] Only(this IReadOnlyList<KnownBugFile> bugs, string? prefix) =>
        bugs.Where(bug => prefix is null || bug.Id.StartsWith(prefix, StringComparison.Ordinal)).ToArray() is { Length: > 0 } some
            ? some
            : throw new KnownBugException($"there is no bug '{prefix}'");
}
