using System.Text;

namespace MultiDc.Raft.Tests;

/// <summary>
/// The table of differences, a file beside this one: why for each cause, then for each known case file every directive after which our
/// replicas stand differently, with what differs. A file is known in the version whose number of directives is told; any other is judged by
/// the causes alone. With MULTIDC_REWRITE=1 the sections of the files at hand are written anew.
/// </summary>
internal sealed class DifferenceTable
{
    private const string Unexplained = "UNEXPLAINED";
    private static readonly string Path = System.IO.Path.Combine(SourceFolder.Of("Conformance"), "etcd-raft-differences.txt");

    private readonly List<string> preamble = [];
    private readonly SortedDictionary<string, List<string>> sections = new(StringComparer.Ordinal);

    public DifferenceTable()
    {
        var lines = preamble;
        foreach (var line in File.ReadAllLines(Path))
        {
            if (line.StartsWith("file ", StringComparison.Ordinal))
            {
                sections.Add(line.Split(' ')[1], lines = []);
            }

            lines.Add(line);
        }
    }

    /// <summary>The causes that the table gives a reason for.</summary>
    public IEnumerable<string> Causes => preamble
        .Where(line => line.StartsWith("cause ", StringComparison.Ordinal))
        .Select(line => line.Split(' ')[1].TrimEnd(':'));

    /// <summary>Whether the table tells what differs in this file, in this version of it.</summary>
    public bool Knows(string file, IReadOnlyList<ReplayedDirective> replayed) =>
        sections.TryGetValue(file, out var section) && section[0] == Title(file, replayed);

    /// <summary>What the table has about a known file.</summary>
    public string Expected(string file) => string.Join('\n', sections[file]).TrimEnd();

    /// <summary>What it should have by this replay.</summary>
    public static string Actual(string file, IReadOnlyList<ReplayedDirective> replayed)
    {
        var text = new StringBuilder(Title(file, replayed));
        foreach (var (directive, _, differences) in replayed.Where(it => it.Differences.Count > 0))
        {
            text.Append($"\n{directive.Number} {directive.ToString().ReplaceLineEndings(" ")}");
            foreach (var cause in differences.GroupBy(difference => difference.Cause ?? Unexplained))
            {
                text.Append($"\n  {cause.Key}: {string.Join("; ", cause)}");
            }
        }

        return text.ToString();
    }

    public void Rewrite(string file, IReadOnlyList<ReplayedDirective> replayed)
    {
        sections[file] = [.. Actual(file, replayed).Split('\n')];
        var parts = sections.Values.Prepend(preamble).Select(lines => string.Join('\n', lines).TrimEnd() + "\n");
        File.WriteAllText(Path, string.Join('\n', parts));
    }

    private static string Title(string file, IReadOnlyList<ReplayedDirective> replayed) => $"file {file} {replayed.Count} directives";
}
