using System.CommandLine;

namespace MultiDc.KnownBugs;

/// <summary><c>sweep</c>: how many seeds it takes to find each bug.</summary>
internal static class SweepCommand
{
    public static Command Create()
    {
        var only = KnownBugsCommand.BugOption();
        var jobs = KnownBugsCommand.JobsOption();
        var seeds = new Option<int>("--seeds") { Description = "The most seeds for each bug.", DefaultValueFactory = static _ => 1_000 };
        var record = new Option<bool>("--record") { Description = "Write what was found into the bug files." };
        var command = new Command("sweep", "Look for each bug, seed by seed.") { only, seeds, record, jobs };
        command.SetAction(parsed => KnownBugsCommand.RunAsync(async repository =>
        {
            var bugs = KnownBugFile.ReadAll(repository);
            var build = new TestBuild(repository, bugs);
            await build.MakeAsync(Console.Out);
            var findings = await SweepAsync(new(build), bugs.Only(parsed.GetValue(only)), parsed.GetValue(seeds), parsed.GetValue(jobs));
            foreach (var finding in findings.Where(_ => parsed.GetValue(record)))
            {
                finding.Bug.Record(finding);
            }

            return findings.All(static finding => finding.IsFound || finding.Bug.NotFound is not null) ? KnownBugsCommand.Good : KnownBugsCommand.Bad;
        }));
        return command;
    }

    private static async Task<Finding[]> SweepAsync(Hunter hunter, KnownBugFile[] bugs, int seeds, int jobs)
    {
        var findings = new Finding[bugs.Length];
        await Parallel.ForAsync(0, bugs.Length, new ParallelOptions { MaxDegreeOfParallelism = jobs }, async (i, _) =>
        {
            findings[i] = await hunter.HuntAsync(bugs[i], seeds);
            Console.WriteLine(
                $"{bugs[i].Id,-4} {(findings[i].IsFound ? $"{(findings[i].Seed is { } seed ? $"seed {seed}" : "tests")}: {findings[i].Check}: {Shorten(findings[i])}" : $"NOT FOUND, {findings[i].Detail}")} ({findings[i].Elapsed.TotalSeconds:0} s)");
        });
        return findings;
    }

    private static string Shorten(Finding finding) =>
        finding.Seed is null ? "" : finding.Detail.Length > 150 ? finding.Detail[..150] + ".." : finding.Detail;
}
