using System.CommandLine;
using MultiDc.Comparison.Results;

namespace MultiDc.Comparison.Commands;

/// <summary><c>table FOLDER</c>: what infra/bench/compare.sh measured, as a table and as plots.</summary>
internal static class TableCommand
{
    public static Command Create()
    {
        var folder = new Argument<DirectoryInfo>("FOLDER") { Description = "Where compare.sh put its results. The table is printed and written there as table.md, the plots as NETWORK.svg." };
        folder.AcceptExistingOnly();
        var command = new Command("table", "Turn the results of infra/bench/compare.sh into a table of medians and ratios, and plots.") { folder };
        command.SetAction(parsed =>
        {
            var root = parsed.GetRequiredValue(folder).FullName;
            IReadOnlyList<ComparedCell> cells;
            try
            {
                cells = ComparedCell.Of(Turn.ReadAll(root));
            }
            catch (FormatException exception)
            {
                parsed.InvocationConfiguration.Error.WriteLine($"table: {exception.Message}");
                return (int)MultiDc.Host.ExitCode.BadInputFile;
            }

            if (cells.Count == 0)
            {
                parsed.InvocationConfiguration.Error.WriteLine($"table: there are no results in {root}");
                return (int)MultiDc.Host.ExitCode.BadInputFile;
            }

            ComparisonTable.Write(parsed.InvocationConfiguration.Output, cells);
            using var table = File.CreateText(Path.Combine(root, "table.md"));
            ComparisonTable.Write(table, cells);
            foreach (var network in cells.GroupBy(static cell => cell.Cell.Network))
            {
                using var plot = File.CreateText(Path.Combine(root, $"{network.Key}.svg"));
                ComparisonPlot.Write(plot, network.Key, [.. network]);
            }

            return 0;
        });
        return command;
    }
}
