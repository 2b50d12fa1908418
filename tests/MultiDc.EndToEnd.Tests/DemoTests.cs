using MultiDc.Linearizability;
using Xunit.Abstractions;

namespace MultiDc.EndToEnd.Tests;

/// <summary>The demo with real processes, real stores and a real kill -9, and its history judged once more from the file alone.</summary>
public sealed class DemoTests(ITestOutputHelper output)
{
    private const int Rows = 500;

    [Fact]
    public async Task A_datacenter_is_killed_and_revived_and_nothing_is_lost_or_stale()
    {
        var folder = new TemporaryFolder();
        var run = await DemoAsync(folder, "--kills", "1", "--seconds", "8", "--increments", "300");

        Assert.Contains("kill -9 of", run.Output, StringComparison.Ordinal);
        Assert.Contains("is back and has caught up", run.Output, StringComparison.Ordinal);
        Assert.Contains("300 of 300 increments, exactly", run.Output, StringComparison.Ordinal);
        Assert.Contains("VERDICT      no violation", run.Output, StringComparison.Ordinal);
        Assert.Equal(0, run.ExitCode);

        using var history = File.OpenRead(folder.File("history.ndjson"));
        var operations = HistoryReader.Read(history).ToList();
        Assert.True(operations.Count > Rows * 2, $"{operations.Count} operations");
        Assert.IsType<Linearizable>(LinearizabilityChecker.Check(operations));
        folder.Delete();
    }

    [Fact]
    public async Task The_verdict_notices_reads_without_ReadIndex()
    {
        var folder = new TemporaryFolder();
        var run = await DemoAsync(folder, "--kills", "0", "--seconds", "8", "--increments", "100", "--break", "reads-without-read-index");

        Assert.Contains("linearizable NO", run.Output, StringComparison.Ordinal);
        Assert.Contains("VERDICT      VIOLATION", run.Output, StringComparison.Ordinal);
        Assert.Equal(6, run.ExitCode);
        folder.Delete();
    }

    [Fact]
    public async Task A_bad_line_is_named_and_nothing_is_started()
    {
        var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.File("rows.csv"), "id,name\n1,one\n2\n");
        var run = await HostProcess.RunAsync("demo", "--load", folder.File("rows.csv"), "--key", "id", "--data", folder.File("data"));

        output.WriteLine(run.Output);
        Assert.Contains("line 3", run.Output, StringComparison.Ordinal);
        Assert.Equal(65, run.ExitCode);
        Assert.False(Directory.Exists(folder.File("data")));
        folder.Delete();
    }

    private async Task<HostProcess> DemoAsync(TemporaryFolder folder, params string[] arguments)
    {
        await File.WriteAllLinesAsync(folder.File("rows.csv"), Enumerable.Range(1, Rows).Select(static i => $"{i},name {i}").Prepend("id,name"));
        var run = await HostProcess.RunAsync(
            ["demo", "--load", folder.File("rows.csv"), "--key", "id", "--data", folder.File("data"), "--history", folder.File("history.ndjson"), .. arguments]);
        output.WriteLine(run.Output);
        return run;
    }
}
