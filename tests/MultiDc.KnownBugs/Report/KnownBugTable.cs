using System.Text;

namespace MultiDc.KnownBugs;

/// <summary>The table of <c>tests/README.md</c>: per pitfall and variant, how many seeds it took and which check found it, or why it is not found.</summary>
internal static class KnownBugTable
{
    public const string Begin = "<!-- known bugs: begin (written by: dotnet run --project tests/MultiDc.KnownBugs -- table --write) -->";
    public const string End = "<!-- known bugs: end -->";

    /// <summary>A text with the table in the place of the one that it has.</summary>
    public static string PutInto(string text, IReadOnlyList<KnownBugFile> bugs)
    {
        var (begin, end) = (text.IndexOf(Begin, StringComparison.Ordinal), text.IndexOf(End, StringComparison.Ordinal));
        return begin >= 0 && end > begin
            ? string.Concat(text.AsSpan(0, begin), Write(bugs).TrimEnd('\n'), text.AsSpan(end + End.Length))
            : throw new KnownBugException($"there is no place for the table: {Begin} .. {End}");
    }

    public static string Write(IReadOnlyList<KnownBugFile> bugs)
    {
        var text = new StringBuilder();
        var found = bugs.GroupBy(static bug => bug.Number).Where(static variants => variants.Any(static bug => bug.Check is not null)).ToArray();
        text.Append($"{Begin}\n");
        text.Append($"{found.Length} of {bugs.Select(static bug => bug.Number).Distinct().Count()} pitfalls are found, {found.Count(static variants => variants.Any(static bug => bug.Seed is not null))} of them by the simulator.\n\n");
        text.Append("| bug | pitfall | what somebody wrote | seeds | found by |\n|---|---|---|---|---|\n");
        foreach (var bug in bugs)
        {
            text.Append($"| {bug.Id} | {bug.Pitfall} | {bug.Mistake} | {bug.Seed?.ToString() ?? "–"} | {FoundBy(bug)} |\n");
        }

        return text.Append($"{End}\n").ToString();
    }

    private static string FoundBy(KnownBugFile bug) => bug switch
    {
        { Check: null } => $"**not found**: {bug.NotFound ?? "nobody looked yet"}",
        { TestProject: { } project } => $"`{project["tests/".Length..]}`: `{bug.Check}`",
        _ => $"`{bug.Check}`",
    };
}
