using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Host.Bench;
using MultiDc.Host.Tests.Commands;

namespace MultiDc.Host.Tests.Bench;

/// <summary>The command, and the run behind it, on a clock that goes on when as much was asked as a test waits for.</summary>
public sealed class BenchCommandTests
{
    private const int Keys = 50;
    private const string KeysText = "50";

    private static readonly string[] Short = ["--keys", KeysText, "--clients", "7", "--warm-up", "0", "--seconds", "0.3", "--value-bytes", "10", "--json"];

    [Fact]
    public async Task Keys_are_loaded_and_then_asked_for_by_all_clients()
    {
        var client = new FakeClient { Read = new ReadServed(new(default, default, new(1), new(1), 1)) };
        var (exitCode, output, error) = await RunAsync(client, Keys + 100, ["bench", "ycsb-a", .. Short]);
        Assert.Equal(0, exitCode);
        using var report = JsonDocument.Parse(output);
        Assert.Contains("loading 50 keys", error, StringComparison.Ordinal);
        Assert.True(report.RootElement.GetProperty("done").GetInt64() > 0);
        Assert.Equal(0, report.RootElement.GetProperty("unfinished").GetInt64());
        Assert.Equal(JsonValueKind.Null, report.RootElement.GetProperty("servers").ValueKind);
        Assert.Equal(Keys, client.Asked.Take(Keys).Distinct().Count(static asked => asked.StartsWith("put default bench/00000000", StringComparison.Ordinal)));
        Assert.Contains(client.Asked, static asked => asked.StartsWith("get default bench/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Ycsb_e_scans_from_keys_that_are_there_and_inserts_others_each_once()
    {
        var client = new FakeClient();
        var (exitCode, output, _) = await RunAsync(client, Keys + 500, ["bench", "ycsb-e", .. Short]);
        Assert.Equal(0, exitCode);
        var asked = client.Asked.Skip(Keys).ToArray();
        Assert.Contains(asked, static one => one.StartsWith("scan default 'bench/' after bench/00000000", StringComparison.Ordinal));
        var inserts = asked.Where(static one => one.StartsWith("put ", StringComparison.Ordinal)).Select(static one => one.Split(' ')[2]).ToArray();
        Assert.NotEmpty(inserts);
        Assert.Equal(inserts.Length, inserts.Distinct().Count());
        Assert.DoesNotContain(inserts, static key => key.StartsWith("bench/00000000", StringComparison.Ordinal) && !key.Contains('-', StringComparison.Ordinal));
        Assert.InRange(inserts.Length / (double)asked.Length, 0.01, 0.2);
    }

    [Fact]
    public async Task Every_failure_is_counted_by_kind_and_nothing_done_ends_with_5()
    {
        var answers = 0;
        var client = new FakeClient
        {
            Write = _ => Interlocked.Increment(ref answers) switch
            {
                1 => new Unknown("lost"),
                2 => new Rejected(RejectionReason.Overloaded, "full"),
                3 => throw new TimeoutException(),
                _ => new Rejected(RejectionReason.NotLeader, "elsewhere"),
            },
        };
        var (exitCode, output, _) = await RunAsync(client, 10, ["bench", "put", "--no-load", .. Short]);
        Assert.Equal((int)ExitCode.Unavailable, exitCode);
        using var report = JsonDocument.Parse(output);
        var failures = report.RootElement.GetProperty("failures");
        Assert.Equal(1, failures.GetProperty("unknown").GetInt64());
        Assert.Equal(1, failures.GetProperty("rejected: overloaded").GetInt64());
        Assert.Equal(1, failures.GetProperty("unknown: TimeoutException").GetInt64());
        Assert.True(failures.GetProperty("rejected: not-leader").GetInt64() > 0);
    }

    [Fact]
    public async Task A_key_that_was_loaded_and_is_gone_is_a_failure()
    {
        var (_, output, _) = await RunAsync(new() { Read = new ReadServed(null) }, 10, ["bench", "get", "--no-load", .. Short]);
        using var report = JsonDocument.Parse(output);
        Assert.True(report.RootElement.GetProperty("failures").GetProperty("absent").GetInt64() > 0);
    }

    [Fact]
    public async Task What_never_ends_is_counted_as_unfinished_and_in_an_open_loop_what_never_began()
    {
        var client = new FakeClient { Gate = new TaskCompletionSource().Task };
        var (_, output, _) = await RunAsync(client, 7, ["bench", "put", "--no-load", "--rate", "1000", "--timeout", "0.1", .. Short]);
        using var report = JsonDocument.Parse(output);
        Assert.Equal(7, report.RootElement.GetProperty("unfinished").GetInt64());
        Assert.Equal(293, report.RootElement.GetProperty("notBegun").GetInt64());
        Assert.Equal(0, report.RootElement.GetProperty("done").GetInt64());
    }

    [Fact]
    public async Task Keys_that_cannot_be_loaded_are_told()
    {
        var (exitCode, output, error) = await new CommandRun(new() { Write = static _ => new Unknown("lost") }).RunAsync(["bench", "put", .. Short]);
        Assert.Equal((int)ExitCode.Unavailable, exitCode);
        Assert.Empty(output);
        Assert.Contains("a key could not be loaded in 5 attempts: unknown", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ycsb-d reads what was inserted last", "bench", "ycsb-d")]
    [InlineData("there is no workload 'ycsb-z'", "bench", "ycsb-z")]
    [InlineData("--clients must be 1 to 100000", "bench", "put", "--clients", "0")]
    [InlineData("--value-bytes must be 0 to 1048576", "bench", "put", "--value-bytes", "1048577")]
    [InlineData("--rate must be 0.1 to 10000000", "bench", "put", "--rate", "0")]
    [InlineData("--seconds must be 0.1 to 86400", "bench", "put", "--seconds", "0")]
    public async Task A_wrong_command_line_is_told_before_anything_is_connected(string complaint, params string[] arguments)
    {
        var run = new CommandRun(new());
        var (exitCode, output, error) = await run.RunAsync(arguments);
        Assert.Equal((int)ExitCode.WrongUsage, exitCode);
        Assert.Empty(output);
        Assert.Contains(complaint, error, StringComparison.Ordinal);
        Assert.Null(run.Topology);
    }

    [Fact]
    public async Task Help_lists_what_can_be_run_and_no_more()
    {
        var (_, output, _) = await new CommandRun(new()).RunAsync("bench", "--help");
        Assert.All(Workload.All, workload => Assert.Contains(workload.Name, output, StringComparison.Ordinal));
        Assert.DoesNotContain("ycsb-d", output, StringComparison.Ordinal);
    }

    // A run of 0.3 s on the machine's clock may well have ended before a busy machine did anything at all.
    private static async Task<(int ExitCode, string Out, string Error)> RunAsync(FakeClient client, int asked, string[] arguments)
    {
        var time = new RunTime();
        var run = new CommandRun(client) { Time = time }.RunAsync(arguments);
        await Task.WhenAny(run, time.Measures);

        // An open loop asks when it is time to, a closed one as often as it is answered.
        time.Advance(TimeSpan.FromMilliseconds(arguments.Contains("--rate") ? asked : 0));
        while (!run.IsCompleted)
        {
            time.Advance(client.Asked.Count < asked ? TimeSpan.Zero : TimeSpan.FromMilliseconds(100));
            await Task.WhenAny(run, Task.Delay(1));
        }

        return await run;
    }

    private sealed class RunTime : FakeTimeProvider
    {
        private readonly TaskCompletionSource measures = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The end of the measurement is waited for.</summary>
        public Task Measures => measures.Task;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            measures.TrySetResult();
            return timer;
        }
    }
}
