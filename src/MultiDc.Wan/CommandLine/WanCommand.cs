using System.CommandLine;
using System.CommandLine.Invocation;
using System.Net.Sockets;
using System.Text.Json;
using MultiDc.Wan.Control;
using MultiDc.Wan.Links;

namespace MultiDc.Wan.CommandLine;

/// <summary>The command <c>multidc-wan</c>, and how it is invoked.</summary>
internal static class WanCommand
{
    /// <summary>Exit codes: 0 done, and these. They mean the same in <c>multidc</c>.</summary>
    public const int WrongUsage = 2, Unavailable = 5, ServiceUnavailable = 69;

    private const string Description = """
        A wide area network in user space, for trials on one machine: network namespaces, one for each datacenter, are joined by packets that
        take their time, get lost, doubled, overtaken or cut off, each direction for itself. infra/local/local.sh uses it.

        Exit codes: 0 done; 2 the command line is wrong, or the WAN refuses what was asked; 5 no WAN answers at the socket; 69 a device or
        the socket cannot be had.
        """;

    public static async Task<int> InvokeAsync(IReadOnlyList<string> arguments, TextWriter output, TextWriter error)
    {
        var root = new RootCommand(Description) { RunCommand.Create(output), SetCommand(output), HealCommand(output), StateCommand(output) };
        var invocation = new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false };
        var parsed = root.Parse(arguments.Count == 0 ? ["--help"] : arguments);
        if (parsed.Action is ParseErrorAction usage)
        {
            usage.ShowHelp = false;
            parsed.Invoke(invocation);
            return WrongUsage;
        }

        try
        {
            return await parsed.InvokeAsync(invocation).ConfigureAwait(false);
        }
        catch (WanException exception)
        {
            await error.WriteLineAsync($"multidc-wan: {exception.Message}").ConfigureAwait(false);
            return exception.ExitCode;
        }
    }

    private static Command SetCommand(TextWriter output)
    {
        var delayMs = new Option<double?>("--delay-ms") { Description = "How long a packet is on its way, one way." };
        var slowMs = new Option<double?>("--slow-ms") { Description = "What is added to the delay until the link is healed." };
        var jitterMs = new Option<double?>("--jitter-ms") { Description = "By how much a delay may differ, either way; order is kept." };
        var loss = new Option<double?>("--loss") { Description = "The share of packets that get lost, 0 to 1." };
        var duplicate = new Option<double?>("--duplicate") { Description = "The share of packets that arrive twice, 0 to 1." };
        var reorder = new Option<double?>("--reorder") { Description = "The share of packets that later ones overtake, 0 to 1." };
        var cut = new Option<bool?>("--cut") { Description = "true: nothing gets through." };
        var command = new Command("set", "Change the rules of links.") { delayMs, slowMs, jitterMs, loss, duplicate, reorder, cut };
        return Asking(command, output, links: true, parsed => new()
        {
            Version = ControlRequest.CurrentVersion,
            Command = ControlRequest.Set,
            Rules = new()
            {
                DelayMs = parsed.GetValue(delayMs),
                SlowMs = parsed.GetValue(slowMs),
                JitterMs = parsed.GetValue(jitterMs),
                Loss = parsed.GetValue(loss),
                Duplicate = parsed.GetValue(duplicate),
                Reorder = parsed.GetValue(reorder),
                Cut = parsed.GetValue(cut),
            },
        });
    }

    private static Command HealCommand(TextWriter output) => Asking(
        new Command("heal", "Bring back the rules that the WAN began with."), output, links: true,
        static _ => new() { Version = ControlRequest.CurrentVersion, Command = ControlRequest.Heal });

    private static Command StateCommand(TextWriter output) => Asking(
        new Command("state", "Tell the rules of all links, and what they did so far."), output, links: false,
        static _ => new() { Version = ControlRequest.CurrentVersion, Command = ControlRequest.State });

    private static Command Asking(Command command, TextWriter output, bool links, Func<ParseResult, ControlRequest> request)
    {
        var socket = SocketOption();
        var link = new Option<string[]>("--link")
        {
            Description = "A direction; repeat it for more. * is every datacenter. Default: all",
            HelpName = "from:to",
            Arity = ArgumentArity.OneOrMore,
        };
        var json = new Option<bool>("--json") { Description = "Answer with one JSON object." };
        command.Add(socket);
        command.Add(json);
        if (links)
        {
            command.Add(link);
        }

        command.SetAction(async (parsed, cancellationToken) =>
        {
            var asked = request(parsed) with { Links = links && parsed.GetValue(link) is { Length: > 0 } chosen ? chosen : null };
            var reply = await AskAsync(parsed.GetValue(socket)!, asked, cancellationToken).ConfigureAwait(false);
            if (reply.Error is { } refusal)
            {
                throw new WanException(WrongUsage, refusal);
            }

            await output.WriteAsync(parsed.GetValue(json) ? ControlJson.Write(reply) + "\n" : LinkTable.Write(reply)).ConfigureAwait(false);
            return 0;
        });
        return command;
    }

    public static Option<string> SocketOption() => new("--socket") { Description = "The WAN's control socket.", HelpName = "path", Required = true };

    private static async Task<ControlReply> AskAsync(string socket, ControlRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return await ControlClient.AskAsync(socket, request, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is SocketException or IOException or TimeoutException or JsonException)
        {
            throw new WanException(Unavailable, $"no WAN answers at {socket}: {exception.Message}", exception);
        }
    }
}

/// <summary>A command cannot be done, for a reason that its user can act on; the message is all that is printed.</summary>
internal sealed class WanException(int exitCode, string message, Exception? inner = null) : Exception(message, inner)
{
    public int ExitCode { get; } = exitCode;
}
