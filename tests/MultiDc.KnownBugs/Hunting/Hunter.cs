using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace MultiDc.KnownBugs;

/// <summary>Runs the simulator, or the tests, of the test build with one bug awake or none.</summary>
internal sealed partial class Hunter(TestBuild build)
{
    /// <summary>A run that takes so long has found nothing: the bug keeps the simulator itself from ending.</summary>
    private static readonly TimeSpan RunLimit = TimeSpan.FromMinutes(2);

    /// <summary>Looks for a bug from seed 1 on.</summary>
    public async Task<Finding> HuntAsync(KnownBugFile bug, int seeds)
    {
        var startedAt = Stopwatch.GetTimestamp();
        if (bug.TestProject is not null)
        {
            return await TestAsync(bug, isAwake: true);
        }

        var failures = Path.Combine(build.Folder, "failures", bug.Id);
        var (code, said) = await SimulateAsync(
            bug, TimeSpan.FromSeconds(60 + (3 * seeds)), "sweep", "--seeds", $"{seeds}", "--failures", "1", "--again-one-in", "0", "--out", failures);
        return Read(bug, code, said, startedAt);
    }

    /// <summary>Runs one seed, with the bug awake or, to see that the bug is what is found, asleep.</summary>
    public async Task<Finding> RunAsync(KnownBugFile bug, ulong seed, bool isAwake)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var (code, said) = await SimulateAsync(isAwake ? bug : null, RunLimit, "run", "--seed", $"{seed}");
        return Read(bug, code, said, startedAt);
    }

    /// <summary>Runs the tests that show the bug.</summary>
    public async Task<Finding> TestAsync(KnownBugFile bug, bool isAwake)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var project = Path.Combine(build.Folder, bug.TestProject!);
        string[] arguments = ["test", project, "--configuration", "Release", "--no-build", "--filter", bug.TestFilter!, "--logger", "console;verbosity=normal"];
        var (code, said) = await Child.RunAsync("dotnet", arguments, build.Folder, isAwake ? bug.Id : null, RunLimit);
        if (!PassedTest().IsMatch(said) && !FailedTest().IsMatch(said))
        {
            throw new KnownBugException($"{bug.Name}: no test ran:\n{said}");
        }

        var failed = FailedTest().Match(said);
        return new(bug, null, code == 0 ? null : failed.Success ? NameOf(failed.Groups[1].Value) : "the tests did not end", said, Stopwatch.GetElapsedTime(startedAt));
    }

    private async Task<(int Code, string Said)> SimulateAsync(KnownBugFile? bug, TimeSpan limit, params string[] arguments) =>
        await Child.RunAsync("dotnet", [build.Simulator, .. arguments], build.Folder, bug?.Id, limit);

    private static string NameOf(string test) => test.StartsWith("MultiDc.", StringComparison.Ordinal) ? test.Split('.')[^1] : test;

    private static Finding Read(KnownBugFile bug, int code, string said, long startedAt)
    {
        var elapsed = Stopwatch.GetElapsedTime(startedAt);
        var violation = Violation().Match(said);
        return violation.Success ? new(bug, ulong.Parse(violation.Groups["seed"].Value, CultureInfo.InvariantCulture), violation.Groups["check"].Value, violation.Groups["detail"].Value, elapsed)
            : code is 0 or -1 ? new(bug, null, null, code == 0 ? "no violation" : "the run did not end", elapsed)
            : throw new KnownBugException($"{bug.Name}: the simulator ended with {code}:\n{said}");
    }

    [GeneratedRegex(@"^VIOLATION in seed (?<seed>\d+) after \S+ s: (?<check>\w+): (?<detail>.*)$", RegexOptions.Multiline)]
    private static partial Regex Violation();

    // A test is told by its full name, or by the sentence that is its display name.
    [GeneratedRegex(@"^\s*Failed (.+?) \[", RegexOptions.Multiline)]
    private static partial Regex FailedTest();

    [GeneratedRegex(@"^\s*Passed .+? \[", RegexOptions.Multiline)]
    private static partial Regex PassedTest();
}
