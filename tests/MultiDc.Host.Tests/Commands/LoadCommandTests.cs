using System.Collections.Concurrent;

namespace MultiDc.Host.Tests.Commands;

public sealed class LoadCommandTests : IDisposable
{
    private readonly CommandRun command = new(new());
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_bad_line_stops_before_anything_is_loaded()
    {
        var file = folder.File("a.csv", "id,v\n1,a\n2\n3,c\n");
        var (exitCode, output, error) = await command.RunAsync("load", file, "--key", "id");

        Assert.Equal(65, exitCode);
        Assert.Empty(output);
        Assert.Equal($"{file}:3: has 1 columns; the header has 2\nmultidc: nothing was loaded: {file} has 1 bad line, told above\n", error.ReplaceLineEndings("\n"));
        Assert.Empty(command.Client.Asked);
        Assert.Null(command.Topology);
    }

    [Fact]
    public async Task Bad_lines_can_be_skipped()
    {
        var file = folder.File("a.csv", "id,v\n1,a\n2\n3,c\n");
        var (exitCode, output, error) = await command.RunAsync("load", file, "--key", "id", "--on-bad-line", "skip", "--keyspace", "people");

        Assert.Equal(0, exitCode);
        Assert.StartsWith("2 rows loaded, 1 bad lines skipped in ", output, StringComparison.Ordinal);
        Assert.Equal($"{file}:3: has 1 columns; the header has 2\n", error.ReplaceLineEndings("\n"));
        Assert.Equal(["""put people 1 {"id":"1","v":"a"}""", """put people 3 {"id":"3","v":"c"}"""], command.Client.Asked.Order());
    }

    [Theory]
    [InlineData("stop")]
    [InlineData("skip")]
    public async Task Nothing_can_be_skipped_in_a_file_without_a_key_column(string onBadLine)
    {
        var file = folder.File("a.csv", "ID,v\n1,a\n");
        var (exitCode, _, error) = await command.RunAsync("load", file, "--key", "id", "--on-bad-line", onBadLine);

        Assert.Equal(65, exitCode);
        Assert.StartsWith($"{file}:1: there is no key column 'id'; there are 'ID', 'v'", error, StringComparison.Ordinal);
        Assert.Null(command.Topology);
    }

    [Fact]
    public async Task A_file_that_cannot_be_read_to_its_end_is_not_done()
    {
        var (exitCode, output, _) = await command.RunAsync("load", folder.File("a.csv", "id,v\n1,a\n2,\"b\n"), "--key", "id", "--on-bad-line", "skip");

        Assert.Equal(65, exitCode);
        Assert.StartsWith("1 rows loaded, 1 bad lines skipped", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_the_first_bad_lines_are_told()
    {
        var (_, _, error) = await command.RunAsync("load", folder.File("a.jsonl", string.Join('\n', Enumerable.Repeat("[]", 50))), "--key", "id");

        Assert.Equal(21, error.ReplaceLineEndings("\n").Count(static c => c == '\n'));
        Assert.Contains("has 50 bad lines, of which the first 20 are told above", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_file_is_65() =>
        Assert.Equal((65, "", $"multidc: file none.csv does not exist{Environment.NewLine}"), await command.RunAsync("load", "none.csv", "--key", "id"));

    [Fact]
    public async Task Rows_of_one_key_are_written_in_the_order_of_the_file()
    {
        // Three keys, interleaved: whatever is written at once, each key's values must arrive in order.
        var rows = Enumerable.Range(0, 600).Select(static i => (Key: $"k{i % 3}", Number: i)).ToArray();
        var file = folder.File("a.csv", "id,n\n" + string.Join('\n', rows.Select(static r => $"{r.Key},{r.Number}")));
        var (exitCode, _, _) = await command.RunAsync("load", file, "--key", "id", "--concurrency", "8");

        Assert.Equal(0, exitCode);
        foreach (var key in rows.GroupBy(static r => r.Key))
        {
            Assert.Equal(
                key.Select(r => $"put default {r.Key} {{\"id\":\"{r.Key}\",\"n\":\"{r.Number}\"}}"),
                command.Client.Asked.Where(asked => asked.StartsWith($"put default {key.Key} ", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task No_more_rows_are_under_way_than_allowed_and_that_many_are()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        command.Client.Gate = gate.Task;
        command.Client.WhenUnderWay(3, gate.SetResult);
        var file = folder.File("a.csv", "id\n" + string.Join('\n', Enumerable.Range(0, 2000)));
        var (exitCode, _, _) = await command.RunAsync("load", file, "--key", "id", "--concurrency", "3");

        Assert.Equal(0, exitCode);
        Assert.Equal(2000, command.Client.Asked.Count);
        Assert.Equal(3, command.Client.MostUnderWay);
    }

    [Theory]
    [InlineData(RejectionReason.UnknownKeyspace, 3)]
    [InlineData(RejectionReason.Unavailable, 5)]
    [InlineData(null, 4)]
    public async Task The_first_row_that_fails_stops_the_load(RejectionReason? reason, int expected)
    {
        command.Client.Write = key => key == "3" ? reason is { } why ? new Rejected(why, "because") : new Unknown("because") : new Applied(new(1));
        var file = folder.File("a.csv", "id\n" + string.Join('\n', Enumerable.Range(1, 1000)));
        var (exitCode, output, error) = await command.RunAsync("load", file, "--key", "id", "--concurrency", "1");

        Assert.Equal(expected, exitCode);
        Assert.StartsWith($"2 rows loaded, 1 {(reason is null ? "unknown" : "rejected")}, 997 not tried in ", output, StringComparison.Ordinal);
        Assert.Equal($"{file}:4: key '3' was not loaded: because{Environment.NewLine}", error);
    }

    [Fact]
    public async Task An_interrupted_load_tells_what_it_did()
    {
        using var interrupt = new CancellationTokenSource();
        var asked = new ConcurrentQueue<string>();
        command.Client.Write = key =>
        {
            asked.Enqueue(key);
            if (key == "3")
            {
                interrupt.Cancel();
            }

            return new Applied(new(1));
        };
        var file = folder.File("a.csv", "id\n" + string.Join('\n', Enumerable.Range(1, 100)));
        var (exitCode, output, error) = await command.RunAsync(interrupt.Token, "load", file, "--key", "id", "--concurrency", "1");

        Assert.Equal(130, exitCode);
        Assert.StartsWith("3 rows loaded, 97 not tried in ", output, StringComparison.Ordinal);
        Assert.Contains("interrupted", error, StringComparison.Ordinal);
    }
}
