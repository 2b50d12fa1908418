using MultiDc.Client;
using MultiDc.Host.CommandLine;

namespace MultiDc.Host.Tests.Commands;

public sealed class ExitCodeTests
{
    private readonly CommandRun command = new(new());

    [Theory]
    [InlineData(RejectionReason.PreconditionFailed, 3)]
    [InlineData(RejectionReason.InvalidArgument, 3)]
    [InlineData(RejectionReason.UnknownKeyspace, 3)]
    [InlineData(RejectionReason.StoreFull, 3)]
    [InlineData(RejectionReason.Unavailable, 5)]
    [InlineData(RejectionReason.NotReady, 5)]
    [InlineData(RejectionReason.Overloaded, 5)]
    public async Task A_refusal_ends_with_3_or_5(RejectionReason reason, int expected)
    {
        command.Client.Write = _ => new Rejected(reason, "because");
        command.Client.Read = new ReadRejected(reason, "because");
        command.Client.WatchEndsWith = command.Client.ScanEndsWith = new(reason, "because");
        foreach (var arguments in new string[][] { ["put", "k", "v"], ["get", "k"], ["delete", "k"], ["cas", "k", "v", "--expect-absent"], ["batch", "--then", "put k v"], ["scan", ""], ["watch", "k"] })
        {
            var (exitCode, output, error) = await command.RunAsync(arguments);

            Assert.Equal(expected, exitCode);
            Assert.Empty(output);
            Assert.Contains("because", error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Applied_found_and_absent()
    {
        Assert.Equal((0, $"applied at revision 7{Environment.NewLine}", ""), await command.RunAsync("put", "k", "v"));
        Assert.Equal((1, "", $"there is no key 'k'{Environment.NewLine}"), await command.RunAsync("get", "k"));
        command.Client.Read = new ReadServed(new("k"u8.ToArray(), "v"u8.ToArray(), new(1), new(1), 1));
        Assert.Equal((0, $"v{Environment.NewLine}", ""), await command.RunAsync("get", "k"));
    }

    [Fact]
    public async Task A_batch_whose_conditions_do_not_hold_is_done_only_if_it_says_what_else_to_do()
    {
        string[] conditional = ["batch", "--if", "absent k", "--then", "put k v"];
        command.Client.Write = static _ => new AppliedBatch(new(7), true, [new()]);
        Assert.Equal((0, $"then\tapplied at revision 7{Environment.NewLine}put\tk{Environment.NewLine}", ""), await command.RunAsync(conditional));
        command.Client.Write = static _ => new AppliedBatch(new(7), false, []);
        Assert.Equal(
            (3, $"else\tapplied at revision 7{Environment.NewLine}", $"a condition does not hold: nothing was changed{Environment.NewLine}"), await command.RunAsync(conditional));
        command.Client.Write = static _ => new AppliedBatch(new(7), false, [new(new("k"u8.ToArray(), "v"u8.ToArray(), new(1), new(1), 1)), new()]);
        Assert.Equal(
            (0, $"else\tapplied at revision 7{Environment.NewLine}get\tk\tv{Environment.NewLine}get\tm{Environment.NewLine}", ""),
            await command.RunAsync([.. conditional, "--else", "get k", "--else", "get m"]));
        command.Client.Write = static _ => new Unknown("no answer");
        Assert.Equal(4, (await command.RunAsync(conditional)).ExitCode);
    }

    [Fact]
    public async Task Unknown_is_4_and_never_told_as_done()
    {
        command.Client.Write = static _ => new Unknown("no answer");
        Assert.Equal((4, "", $"unknown whether it happened: no answer{Environment.NewLine}"), await command.RunAsync("put", "k", "v"));
    }

    [Fact]
    public async Task Nobody_there_is_5()
    {
        command.ConnectFailure = new CommandException(ExitCode.Unavailable, "no datacenter answered");
        Assert.Equal((5, "", $"multidc: no datacenter answered{Environment.NewLine}"), await command.RunAsync("get", "k"));

        command.ConnectFailure = null;
        command.Client.Replicas.Add(new("multidc.ring/0@dc1", "", "unreachable", "why", "", 0, null, 0, 0, 0, 0));
        Assert.Equal(5, (await command.RunAsync("status")).ExitCode);
    }

    [Fact]
    public async Task A_bug_is_70_and_one_line()
    {
        command.ConnectFailure = new NotSupportedException("first\nsecond");
        Assert.Equal((70, "", $"multidc: unexpected error: NotSupportedException: first (--verbose tells more){Environment.NewLine}"), await command.RunAsync("get", "k"));
        Assert.Contains("   at ", (await command.RunAsync("get", "k", "--verbose")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_interruption_is_130()
    {
        using var interrupt = new CancellationTokenSource();
        command.Client.Gate = new TaskCompletionSource().Task;
        var running = command.RunAsync(interrupt.Token, "put", "k", "v");
        await interrupt.CancelAsync();

        Assert.Equal(130, (await running).ExitCode);
    }

    [Fact]
    public async Task An_interruption_is_how_a_watch_ends_and_it_tells_where_to_go_on()
    {
        using var interrupt = new CancellationTokenSource();
        command.Client.Batches.Add(new(new("default", 3), new(120), [new("k"u8.ToArray(), null, new(7))], WatchToken.OfShard("default", 8, 3, new(120))));
        var running = command.RunAsync(interrupt.Token, "watch", "k");
        await command.Client.WatchWaits.Task;
        await interrupt.CancelAsync();

        Assert.Equal((0, $"120\tdelete\tk{Environment.NewLine}", $"go on with --from w1:default:8:3=120:e03e2bc7{Environment.NewLine}"), await running);
    }

    [Fact]
    public async Task What_is_not_remembered_any_more_is_3()
    {
        command.Client.WatchEndsWith = new WatchCompactedException(new("default", 3), new(5), new(9));
        var (exitCode, output, error) = await command.RunAsync("watch", "k", "--from", "w1:default:8:3=120:e03e2bc7");

        Assert.Equal((3, ""), (exitCode, output));
        Assert.StartsWith("compacted: shard default/3: changes after revision 5", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("get")]
    [InlineData("put", "k")]
    [InlineData("cas", "k", "v")]
    [InlineData("cas", "k", "v", "--expect", "o", "--expect-absent")]
    [InlineData("get", "k", "--timeout", "0")]
    [InlineData("get", "k", "--timeout", "soon")]
    [InlineData("get", "k", "--nonsense")]
    [InlineData("get", "k", "--gateway", "127.0.0.1:30000")]
    [InlineData("get", "k", "--gateway", "dc1=nowhere")]
    [InlineData("get", "k", "--gateway", "dc1=a:1", "--config", "b.json")]
    [InlineData("get", "k", "--datacenter", "dc9")]
    [InlineData("watch")]
    [InlineData("watch", "k", "--prefix", "p")]
    [InlineData("watch", "k", "--from", "w1:default:8:3=120:e03e2bc8")]
    [InlineData("watch", "k", "--limit", "0")]
    [InlineData("scan", "", "--limit", "0")]
    [InlineData("scan", "", "--limit", "few")]
    [InlineData("load", "a.csv", "--key", "id", "--concurrency", "1025")]
    [InlineData("load", "a.csv")]
    [InlineData("load", "a.csv", "--key", "id", "--concurrency", "0")]
    [InlineData("load", "a.csv", "--key", "id", "--delimiter", "||")]
    [InlineData("load", "a.csv", "--key", "id", "--on-bad-line", "cry")]
    [InlineData("cas", "k", "v", "--expect-absent=perhaps")]
    [InlineData("demo", "--kills", "many")]
    [InlineData("demo", "--kills", "-1")]
    [InlineData("demo", "--workers", "0")]
    [InlineData("demo", "--break", "everything")]
    [InlineData("frobnicate")]
    public async Task Wrong_usage_is_2_and_asks_nothing(params string[] arguments)
    {
        var (exitCode, _, error) = await command.RunAsync(arguments);

        // A file to load is looked at before anything else, so only the command line may be wrong here.
        Assert.Equal(2, exitCode);
        Assert.NotEmpty(error);
        Assert.Empty(command.Client.Asked);
    }

    [Fact]
    public async Task The_help_tells_every_exit_code()
    {
        var (exitCode, help, _) = await command.RunAsync("--help");

        Assert.Equal(0, exitCode);
        Assert.All(Enum.GetValues<ExitCode>(), code => Assert.Matches($@"\n\s+{(int)code}\s", help));
        Assert.Equal((2, help, ""), await command.RunAsync());
    }
}
