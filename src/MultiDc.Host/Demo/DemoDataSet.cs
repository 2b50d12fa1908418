using MultiDc.Host.CommandLine;
using MultiDc.Host.Loading;

namespace MultiDc.Host.Demo;

/// <summary>The rows that the demo loads.</summary>
internal static class DemoDataSet
{
    private const string DefaultFile = "/usr/share/ieee-data/oui.csv";
    private const string DefaultKeyColumn = "Assignment";
    private const int ProblemsShown = 5;

    /// <exception cref="CommandException">The file cannot be loaded; the message says why.</exception>
    public static IReadOnlyList<KeyValuePair<string, string>> Read(DemoOptions options)
    {
        var path = options.LoadFile ?? DefaultFile;
        if (options.LoadFile is null && !File.Exists(path))
        {
            throw new CommandException(ExitCode.BadInputFile, $"{path} is missing: install Debian's package ieee-data, or name a file with --load");
        }

        if (options.LoadFile is not null && options.KeyColumn is null)
        {
            throw new CommandException(ExitCode.WrongUsage, "--load needs --key, the column that is the key");
        }

        var content = RowFile.Read(path, new() { KeyColumn = options.KeyColumn ?? DefaultKeyColumn });
        if (content.Problems.Count > 0)
        {
            throw new CommandException(
                ExitCode.BadInputFile,
                $"{path} has {content.Problems.Count} bad lines, so nothing is loaded: "
                + string.Join("; ", content.Problems.Take(ProblemsShown).Select(static p => $"line {p.LineNumber} {p.Reason}")));
        }

        // A key that stands twice has its last row, as if they had been put one after the other.
        var rows = content.Rows.GroupBy(static row => row.Key, static row => row.ValueJson).Select(static g => KeyValuePair.Create(g.Key, g.Last())).ToArray();
        return rows.Length > 0 ? rows : throw new CommandException(ExitCode.BadInputFile, $"{path} has no rows");
    }
}
