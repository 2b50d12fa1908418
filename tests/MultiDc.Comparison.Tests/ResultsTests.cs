using System.Text.RegularExpressions;
using MultiDc.Comparison.Results;

namespace MultiDc.Comparison.Tests;

/// <summary>Table and plot, to the letter.</summary>
public sealed class ResultsTests
{
    private static readonly Cell Puts = new("loopback", "put", 64);

    [Fact]
    public void Figures_are_medians_and_ratios_are_of_medians()
    {
        var cell = Assert.Single(ComparedCell.Of([Turn("etcd", 100), Turn("etcd", 900), Turn("etcd", 200), Turn("multidc", 500), Turn("multidc", 300)]));
        Assert.Equal(["etcd", "multidc"], cell.Names);
        Assert.Equal(200, cell.Median("etcd", static figures => figures.OperationsPerSecond));
        Assert.Equal(400, cell.Median("multidc", static figures => figures.OperationsPerSecond));
        Assert.Equal(2, cell.Ratio("multidc", static figures => figures.OperationsPerSecond));
        Assert.Null(cell.Median("etcd", static figures => figures.ServerAllocated));
        Assert.Null(cell.Median("ping", static figures => figures.OperationsPerSecond));
        Assert.Null(cell.Ratio("multidc", static figures => figures.Failures));
    }

    [Fact]
    public void The_table()
    {
        using var output = new StringWriter();
        ComparisonTable.Write(output, ComparedCell.Of([Turn("multidc", 25_000), Turn("etcd", 4_000), Turn("etcd", 6_000), Turn("etcd", 5_000), Turn("multidc", 9_000, new("loopback", "get", 1))]));
        Assert.Equal(
            """
            ### loopback

            | workload | clients | system | turns | operations/s | p50 ms | p95 ms | p99 ms | p99.9 ms | server µs/op | client µs/op | server B alloc./op | disk B/op | flushes/op | failures |
            |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
            | put | 64 | etcd | 3 | 5,000 (4,000 to 6,000) | 1.00 | 2.00 | 3.00 | 4.00 | 50.0 | 60.0 | – | 700 | 0.500 | 0 |
            | put | 64 | multidc | 1 | 25,000 **×5.00** | 1.00 **×1.00** | 2.00 | 3.00 **×1.00** | 4.00 | 50.0 **×1.00** | 60.0 | – | 700 **×1.00** | 0.500 **×1.00** | 0 |
            | get | 1 | multidc | 1 | 9,000 | 1.00 | 2.00 | 3.00 | 4.00 | 50.0 | 60.0 | – | 700 | 0.500 | 0 |


            """,
            output.ToString(),
            ignoreLineEndingDifferences: true);
    }

    [Fact]
    public void The_plot()
    {
        using var output = new StringWriter();
        ComparisonPlot.Write(output, "loopback", ComparedCell.Of([Turn("multidc", 20_000), Turn("etcd", 5_000)]));
        Assert.Equal(
            """
            <svg xmlns="http://www.w3.org/2000/svg" width="1030" height="108" viewBox="0 0 1030 108" font-family="sans-serif" font-size="12">
            <rect width="1030" height="108" fill="#ffffff"/>
            <text x="10" y="20" font-weight="bold" font-size="14">Medians, loopback</text>
            <rect x="190" y="9" width="12" height="12" fill="#8a8f98"/>
            <text x="207" y="20" >etcd</text>
            <rect x="300" y="9" width="12" height="12" fill="#2563eb"/>
            <text x="317" y="20" >multidc</text>
            <text x="150" y="50" fill="#444444">operations/s (longer is better)</text>
            <rect x="150" y="64" width="82.5" height="13" fill="#8a8f98"/>
            <text x="237" y="75" font-size="11">5,000</text>
            <rect x="150" y="80" width="330" height="13" fill="#2563eb"/>
            <text x="485" y="91" font-size="11">20,000 &#215;4.00</text>
            <text x="590" y="50" fill="#444444">p99 latency in ms (shorter is better)</text>
            <rect x="590" y="64" width="330" height="13" fill="#8a8f98"/>
            <text x="925" y="75" font-size="11">3.0</text>
            <rect x="590" y="80" width="330" height="13" fill="#2563eb"/>
            <text x="925" y="91" font-size="11">3.0 &#215;1.00</text>
            <text x="10" y="76" >put, 64 clients</text>
            </svg>

            """,
            output.ToString(),
            ignoreLineEndingDifferences: true);
    }

    [Fact]
    public void Every_system_has_a_row_with_its_ratio_and_a_colour_of_its_own()
    {
        string[] systems = ["etcd", "multidc", "dotnext", "grain", "ping", "postgres"];
        var cells = ComparedCell.Of(systems.Reverse().Select(static (system, i) => Turn(system, 1_000 * (i + 1))));
        Assert.Equal(systems, Assert.Single(cells).Names);
        using StringWriter table = new(), plot = new();
        ComparisonTable.Write(table, cells);
        ComparisonPlot.Write(plot, "loopback", cells);
        Assert.Equal(systems, Regex.Matches(table.ToString(), @"^\| put \| 64 \| (\w+) ", RegexOptions.Multiline).Select(static row => row.Groups[1].Value));
        Assert.Contains("| grain | 1 | 3,000 **×0.50** |", table.ToString(), StringComparison.Ordinal);

        // In the legend, one beside the other and within the picture.
        var legend = Regex.Matches(plot.ToString(), """<rect x="(\d+)" y="9" width="12" height="12" fill="(#\w+)"/>""");
        Assert.Equal(systems.Length, legend.Select(static each => each.Groups[2].Value).Distinct().Count());
        Assert.Equal(systems.Length, legend.Select(static each => each.Groups[1].Value).Distinct().Count());
        Assert.True(legend.Max(static each => int.Parse(each.Groups[1].Value)) + 110 <= 1030);
        Assert.All(systems, system => Assert.Contains($">{system}</text>", plot.ToString(), StringComparison.Ordinal));
    }

    [Fact]
    public void What_multidc_bench_writes_is_read()
    {
        var folder = Directory.CreateTempSubdirectory("multidc-comparison-");
        try
        {
            folder.CreateSubdirectory("wan");
            File.WriteAllText(
                Path.Combine(folder.FullName, "wan", "ycsb-a,256,etcd,3.json"),
                """
                {"operationsPerSecond":1500,"latencyMs":{"p50":1.5,"p95":2.5,"p99":3.5,"p99.9":4.5,"max":9.5},"failures":{"unknown":2,"rejected: overloaded":7},"unfinished":11,"notBegun":5,
                 "servers":{"processes":3,"cores":0.15,"processorMicrosPerOperation":100,"allocatedBytesPerOperation":null,"diskBytesPerOperation":1200,"flushesPerOperation":0.25},
                 "client":{"processes":1,"cores":0.3,"processorMicrosPerOperation":200,"allocatedBytesPerOperation":300,"diskBytesPerOperation":null,"flushesPerOperation":null}}
                """);
            Assert.Equal(
                new Turn(new("wan", "ycsb-a", 256), "etcd", new(1500, 1.5, 2.5, 3.5, 4.5, 100, 200, null, 1200, 0.25, 25)),
                Assert.Single(Results.Turn.ReadAll(folder.FullName)));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("put,64,etcd,1.json", "")]
    [InlineData("put,64,etcd,1.json", "{}")]
    [InlineData("put,many,etcd,1.json", """{"operationsPerSecond":1}""")]
    public void A_file_that_is_no_report_is_named(string name, string content)
    {
        var folder = Directory.CreateTempSubdirectory("multidc-comparison-");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, name), content);
            Assert.Contains(name, Assert.Throws<FormatException>(() => Results.Turn.ReadAll(folder.FullName).ToArray()).Message, StringComparison.Ordinal);
            Assert.Equal(65, Commands.ComparisonCommand.Create().Parse(["table", folder.FullName]).Invoke(new() { Error = TextWriter.Null }));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Turn Turn(string system, double operationsPerSecond, Cell? cell = null) => new(cell ?? Puts, system, new(operationsPerSecond, 1, 2, 3, 4, 50, 60, null, 700, 0.5, 0));
}
