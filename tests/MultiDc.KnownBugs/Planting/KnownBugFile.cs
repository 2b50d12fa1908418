using System.Globalization;

namespace MultiDc.KnownBugs;

/// <summary>A change of one product file: text that stands there exactly once, and what stands there in the test build.</summary>
/// <param name="Path">From the repository's root, with forward slashes.</param>
/// <param name="Find">The text.</param>
/// <param name="Put">What takes its place: wrong while <c>KnownBug.Is("...")</c>, and otherwise as before.</param>
internal sealed record Edit(string Path, string Find, string Put);

/// <summary>
/// One known bug, as its file tells it:
/// <code>
/// bug: 04
/// pitfall: the leader commits an entry of an earlier term by counting
/// mistake: what somebody would write
/// shown by: simulation            (or: the path of a test project, and a filter for its tests)
/// seed: 3                         (the first seed that finds it; written by "sweep --record")
/// check: CommitIsHeld             (what found it)
/// not found: why                  (instead of the last two)
///
/// src/MultiDc.Raft/RaftNode.Replication.cs
/// - text to find, one or more lines
/// + text to put
/// </code>
/// A path stands before one or more edits. The two characters before a line are not part of it.
/// </summary>
internal sealed class KnownBugFile
{
    private const string Simulation = "simulation";

    private KnownBugFile(string file, string[] lines)
    {
        File = file;
        var end = Array.FindIndex(lines, static line => line.Length == 0);
        if (end < 0)
        {
            throw new KnownBugException($"{Name}: an empty line stands between what is said of the bug and its edits");
        }

        var said = new Dictionary<string, string>();
        foreach (var line in lines[..end])
        {
            if (line.Split(": ", 2) is not [var key, var value] || !said.TryAdd(key, value.Trim()))
            {
                throw new KnownBugException($"{Name}: '{line}' is not 'word: text', or says it again");
            }
        }

        Id = Take(said, "bug");
        Pitfall = Take(said, "pitfall");
        Mistake = Take(said, "mistake");
        var shownBy = Take(said, "shown by").Split(' ', 2);
        (TestProject, TestFilter) = shownBy is [var project, var filter] ? (project, filter) : (null, null);
        Seed = !said.Remove("seed", out var seed) ? null
            : ulong.TryParse(seed, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new KnownBugException($"{Name}: '{seed}' is no seed");
        Check = said.GetValueOrDefault("check");
        NotFound = said.GetValueOrDefault("not found");
        said.Remove("check");
        said.Remove("not found");
        if (said.Count > 0 || (TestProject is null && shownBy[0] != Simulation) || !Name.StartsWith($"{Id}-", StringComparison.Ordinal))
        {
            throw new KnownBugException($"{Name}: its name begins with its number, and it says nothing unknown ({string.Join(", ", said.Keys)})");
        }

        Edits = [.. ReadEdits(lines[end..])];
        if (!Edits.Any(edit => edit.Put.Contains($"KnownBug.Is(\"{Id}\")", StringComparison.Ordinal)))
        {
            throw new KnownBugException($"{Name}: no edit asks KnownBug.Is(\"{Id}\")");
        }
    }

    public string File { get; }

    public string Name => Path.GetFileName(File);

    /// <summary>The number of the pitfall, and a letter when it has variants.</summary>
    public string Id { get; }

    /// <summary>The number alone.</summary>
    public int Number => int.Parse(Id.AsSpan(0, 2), CultureInfo.InvariantCulture);

    public string Pitfall { get; }

    /// <summary>What somebody wrote by mistake.</summary>
    public string Mistake { get; }

    /// <summary>The project whose tests show the bug; null: the simulator does.</summary>
    public string? TestProject { get; }

    public string? TestFilter { get; }

    /// <summary>The first seed that finds it; null: not known, or tests show it.</summary>
    public ulong? Seed { get; }

    /// <summary>Which check found it.</summary>
    public string? Check { get; }

    /// <summary>Why it is not found, if it is not.</summary>
    public string? NotFound { get; }

    public IReadOnlyList<Edit> Edits { get; }

    public static IReadOnlyList<KnownBugFile> ReadAll(Repository repository) =>
    [
        .. Directory.GetFiles(Path.Combine(repository.Root, "tests", "MultiDc.KnownBugs", "Bugs"), "*.bug")
            .Order(StringComparer.Ordinal)
            .Select(static file => Parse(file, System.IO.File.ReadAllText(file))),
    ];

    public static KnownBugFile Parse(string file, string text) => new(file, text.TrimEnd('\n').Split('\n'));

    /// <summary>Writes into the file what a sweep found.</summary>
    public void Record(Finding finding)
    {
        string[] lines = [.. System.IO.File.ReadAllLines(File).Where(line => !line.StartsWith("seed: ", StringComparison.Ordinal) && !line.StartsWith("check: ", StringComparison.Ordinal)
            && (finding.Check is null || !line.StartsWith("not found: ", StringComparison.Ordinal)))];
        var end = Array.FindIndex(lines, static line => line.Length == 0);
        string[] found = finding.Check is null ? [] : finding.Seed is { } seed ? [$"seed: {seed}", $"check: {finding.Check}"] : [$"check: {finding.Check}"];
        System.IO.File.WriteAllLines(File, [.. lines[..end], .. found, .. lines[end..]]);
    }

    private string Take(Dictionary<string, string> said, string key) =>
        said.Remove(key, out var value) ? value : throw new KnownBugException($"{Name}: '{key}:' is missing");

    private IEnumerable<Edit> ReadEdits(IReadOnlyList<string> lines)
    {
        string? path = null;
        var (find, put) = (new List<string>(), new List<string>());
        foreach (var line in lines.Append(""))
        {
            var isPut = line.StartsWith('+');
            if (put.Count > 0 && !isPut)
            {
                yield return new(path ?? throw Unreadable(line), string.Join('\n', find), string.Join('\n', put));
                find.Clear();
                put.Clear();
            }

            if (line.StartsWith('-') || (isPut && find.Count > 0))
            {
                (isPut ? put : find).Add(line.Length > 2 ? line[2..] : "");
            }
            else if (find.Count == 0 && (line.StartsWith("src/", StringComparison.Ordinal) || line.StartsWith("tests/", StringComparison.Ordinal)))
            {
                path = line;
            }
            else if (line.Length > 0 || find.Count > 0)
            {
                throw Unreadable(line);
            }
        }
    }

    private KnownBugException Unreadable(string line) => new($"{Name}: '{line}' is no path and no part of an edit");
}
