using System.Globalization;
using System.Net;

namespace MultiDc.Comparison.Results;

/// <summary>The comparison as an SVG picture: for each cell a bar of every system, throughput to the left and p99 latency to the right.</summary>
internal static class ComparisonPlot
{
    private const int BarHeight = 16;
    private const int CellGap = 12;
    private const int LabelWidth = 150;
    private const int LegendLeft = 190;
    private const int PanelWidth = 330;
    private const int FigureWidth = 110;
    private const int Top = 64;
    private const int Width = LabelWidth + (2 * (PanelWidth + FigureWidth));
    private static readonly string[] Colours = ["#8a8f98", "#2563eb", "#0d9488", "#d97706", "#9333ea", "#be123c"];

    public static void Write(TextWriter output, string network, IReadOnlyList<ComparedCell> cells)
    {
        var systems = cells.SelectMany(static cell => cell.Names).Distinct().ToArray();
        var height = Top + cells.Sum(static cell => (cell.Systems.Count * BarHeight) + CellGap);
        output.WriteLine($"""<svg xmlns="http://www.w3.org/2000/svg" width="{Width}" height="{height}" viewBox="0 0 {Width} {height}" font-family="sans-serif" font-size="12">""");
        output.WriteLine($"""<rect width="{Width}" height="{height}" fill="#ffffff"/>""");
        Text(output, 10, 20, $"Medians, {network}", "font-weight=\"bold\" font-size=\"14\"");
        for (var i = 0; i < systems.Length; i++)
        {
            output.WriteLine($"""<rect x="{LegendLeft + (i * 110)}" y="9" width="12" height="12" fill="{ColourOf(systems, systems[i])}"/>""");
            Text(output, LegendLeft + (i * 110) + 17, 20, systems[i]);
        }

        WritePanel(output, LabelWidth, "operations/s (longer is better)", systems, cells, static figures => figures.OperationsPerSecond);
        WritePanel(output, LabelWidth + PanelWidth + FigureWidth, "p99 latency in ms (shorter is better)", systems, cells, static figures => figures.P99);
        var y = Top;
        foreach (var cell in cells)
        {
            Text(output, 10, y + 12, $"{cell.Cell.Workload}, {cell.Cell.Clients} clients");
            y += (cell.Systems.Count * BarHeight) + CellGap;
        }

        output.WriteLine("</svg>");
    }

    private static void WritePanel(TextWriter output, int x, string title, string[] systems, IReadOnlyList<ComparedCell> cells, Func<TurnFigures, double?> figure)
    {
        Text(output, x, Top - 14, title, "fill=\"#444444\"");

        // Pings would dwarf what the plot is about; their bars end at the edge.
        var greatest = cells.Where(static cell => cell.Cell.Workload != "ping").DefaultIfEmpty(cells[0]).Max(cell => cell.Names.Max(system => cell.Median(system, figure) ?? 0));
        var y = Top;
        foreach (var cell in cells)
        {
            foreach (var system in cell.Names)
            {
                var value = cell.Median(system, figure) ?? 0;
                var length = greatest > 0 ? Math.Min(1, value / greatest) * PanelWidth : 0;
                output.WriteLine($"""<rect x="{x}" y="{y}" width="{Number(Math.Max(1, length))}" height="{BarHeight - 3}" fill="{ColourOf(systems, system)}"/>""");
                var ratio = system != ComparedCell.Yardstick && cell.Ratio(system, figure) is { } times ? $" ×{times.ToString("0.00", CultureInfo.InvariantCulture)}" : "";
                Text(output, (int)(x + length + 5), y + 11, $"{value.ToString(value < 100 ? "0.0" : "n0", CultureInfo.InvariantCulture)}{ratio}{(value > greatest ? " (cut)" : "")}", "font-size=\"11\"");
                y += BarHeight;
            }

            y += CellGap;
        }
    }

    private static string ColourOf(string[] systems, string system) => Colours[Array.IndexOf(systems, system) % Colours.Length];

    private static void Text(TextWriter output, int x, int y, string text, string attributes = "") =>
        output.WriteLine($"""<text x="{x}" y="{y}" {attributes}>{WebUtility.HtmlEncode(text)}</text>""");

    private static string Number(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}
