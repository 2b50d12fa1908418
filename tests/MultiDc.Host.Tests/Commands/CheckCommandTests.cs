namespace MultiDc.Host.Tests.Commands;

public sealed class CheckCommandTests : IDisposable
{
    private const string Put = """{"client":1,"op":"put","key":"k","value":"1","expect":null,"start":0,"end":10,"result":"ok","output":null}""";
    private readonly CommandRun command = new(new());
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("\"1\"", 0, "Linearizable: 2 operations on 1 keys")]
    [InlineData("null", 6, "not linearizable")]
    public async Task A_history_is_judged(string output, int expected, string says)
    {
        var get = $$"""{"client":2,"op":"get","key":"k","value":null,"expect":null,"start":20,"end":30,"result":"ok","output":{{output}}}""";
        var (exitCode, text, _) = await command.RunAsync("check", Write($"{Put}\n{get}\n"));
        Assert.Equal(expected, exitCode);
        Assert.Contains(says, text, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task A_line_that_is_no_operation_is_named()
    {
        var (exitCode, output, error) = await command.RunAsync("check", Write($"{Put}\nnonsense\n"));
        Assert.Equal((65, ""), (exitCode, output));
        Assert.Contains("line 2", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_file_is_said()
    {
        var (exitCode, _, error) = await command.RunAsync("check", Path.Combine(folder.Path, "absent"));
        Assert.Equal(65, exitCode);
        Assert.StartsWith("multidc: the history cannot be read: ", error, StringComparison.Ordinal);
    }

    private string Write(string text) => folder.File("history.ndjson", text);
}
