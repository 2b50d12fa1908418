using System.Globalization;

namespace MultiDc.Comparison.Results;

/// <summary>The comparison as a Markdown table: medians, of throughput also the least and the greatest, and ratios to the yardstick.</summary>
internal static class ComparisonTable
{
    private static readonly (string Head, Func<TurnFigures, double?> Figure, bool Ratio)[] Columns =
    [
        ("operations/s", static figures => figures.OperationsPerSecond, true),
        ("p50 ms", static figures => figures.P50, true),
        ("p95 ms", static figures => figures.P95, false),
        ("p99 ms", static figures => figures.P99, true),
        ("p99.9 ms", static figures => figures.P999, false),
        ("server µs/op", static figures => figures.ServerMicros, true),
        ("client µs/op", static figures => figures.ClientMicros, false),
        ("server B alloc./op", static figures => figures.ServerAllocated, false),
        ("disk B/op", static figures => figures.DiskBytes, true),
        ("flushes/op", static figures => figures.Flushes, true),
        ("failures", static figures => figures.Failures, false),
    ];

    public static void Write(TextWriter output, IReadOnlyList<ComparedCell> cells)
    {
        foreach (var network in cells.GroupBy(static cell => cell.Cell.Network))
        {
            output.WriteLine($"### {network.Key}");
            output.WriteLine();
            output.WriteLine($"| workload | clients | system | turns | {string.Join(" | ", Columns.Select(static column => column.Head))} |");
            output.WriteLine($"|---|---|---|---|{string.Concat(Columns.Select(static _ => "---|"))}");
            foreach (var cell in network)
            {
                foreach (var system in cell.Names)
                {
                    WriteRow(output, cell, system);
                }
            }

            output.WriteLine();
        }
    }

    private static void WriteRow(TextWriter output, ComparedCell cell, string system)
    {
        var turns = cell.Systems[system];
        var figures = Columns.Select(column =>
        {
            var text = cell.Median(system, column.Figure) is { } median ? Round(median) : "–";
            if (column.Head == "operations/s" && turns.Count > 1)
            {
                text += $" ({Round(turns.Min(static turn => turn.OperationsPerSecond))} to {Round(turns.Max(static turn => turn.OperationsPerSecond))})";
            }

            return column.Ratio && system != ComparedCell.Yardstick && cell.Ratio(system, column.Figure) is { } ratio ? $"{text} **×{ratio.ToString("0.00", CultureInfo.InvariantCulture)}**" : text;
        });
        output.WriteLine($"| {cell.Cell.Workload} | {cell.Cell.Clients} | {system} | {turns.Count} | {string.Join(" | ", figures)} |");
    }

    // Three digits say all that such a measurement can.
    private static string Round(double value) => value.ToString(
        value switch { 0 => "0", < 1 => "0.000", < 10 => "0.00", < 100 => "0.0", _ => "n0" }, CultureInfo.InvariantCulture);
}
