using System.CommandLine;

namespace MultiDc.KnownBugs;

/// <summary><c>check</c>: what is recorded still holds.</summary>
internal static class CheckCommand
{
    public static Command Create()
    {
        var only = KnownBugsCommand.BugOption();
        var jobs = KnownBugsCommand.JobsOption();
        var command = new Command("check", "See that what is recorded still holds.") { only, jobs };
        command.SetAction(parsed => KnownBugsCommand.RunAsync(async repository =>
        {
            var bugs = KnownBugFile.ReadAll(repository);
            var build = new TestBuild(repository, bugs);
            await build.MakeAsync(Console.Out);
            var problems = await new RecordCheck(new(build)).FindProblemsAsync(bugs.Only(parsed.GetValue(only)), parsed.GetValue(jobs));
            foreach (var problem in problems)
            {
                Console.WriteLine(problem);
            }

            Console.WriteLine(problems.Count == 0 ? "as recorded" : "NOT AS RECORDED: see to it, or record anew: sweep --record");
            return problems.Count == 0 ? KnownBugsCommand.Good : KnownBugsCommand.Bad;
        }));
        return command;
    }
}
