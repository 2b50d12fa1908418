using System.Collections.Concurrent;

namespace MultiDc.KnownBugs;

/// <summary>Whether the recorded seeds still find their bugs, and nothing when no bug is awake.</summary>
internal sealed class RecordCheck(Hunter hunter)
{
    /// <summary>What does not hold any more.</summary>
    public async Task<IReadOnlyList<string>> FindProblemsAsync(IReadOnlyList<KnownBugFile> bugs, int jobs)
    {
        var problems = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(bugs.Where(static bug => bug.Check is not null), new ParallelOptions { MaxDegreeOfParallelism = jobs }, async (bug, _) =>
        {
            if (!(await SeeAsync(bug, isAwake: true)).IsFound)
            {
                problems.Add($"{bug.Name}: {Where(bug)} does not find it any more");
            }
        });

        // Several bugs may be found by one seed, or by the same tests.
        await Parallel.ForEachAsync(bugs.Where(static bug => bug.Check is not null).DistinctBy(Where), new ParallelOptions { MaxDegreeOfParallelism = jobs }, async (bug, _) =>
        {
            if (await SeeAsync(bug, isAwake: false) is { IsFound: true } finding)
            {
                problems.Add($"{Where(bug)} finds something although no bug is awake: {finding.Check}: {finding.Detail}");
            }
        });
        return [.. problems.Order(StringComparer.Ordinal)];
    }

    private Task<Finding> SeeAsync(KnownBugFile bug, bool isAwake) =>
        bug.Seed is { } seed ? hunter.RunAsync(bug, seed, isAwake) : hunter.TestAsync(bug, isAwake);

    private static string Where(KnownBugFile bug) => bug.Seed is { } seed ? $"seed {seed}" : $"{bug.TestProject} {bug.TestFilter}";
}
