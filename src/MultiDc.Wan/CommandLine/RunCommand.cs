using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using MultiDc.Wan.Control;
using MultiDc.Wan.Links;
using MultiDc.Wan.Linux;

namespace MultiDc.Wan.CommandLine;

/// <summary><c>multidc-wan run</c></summary>
internal static class RunCommand
{
    private const string Description = """
        Join datacenters until SIGTERM or Ctrl-C. Says "ready" on standard output when packets are carried and the socket answers.

        Each datacenter's namespace routes the others' networks into a TUN interface (ip tuntap add dev wan0 mode tun); to open these takes
        CAP_NET_ADMIN and CAP_SYS_ADMIN.
        """;

    public static Command Create(TextWriter output)
    {
        var socket = WanCommand.SocketOption();
        var datacenter = new Option<string[]>("--datacenter")
        {
            Description = "A datacenter, its IPv4 network and its network namespace; at least two. Example: dc1=10.77.1.0/24@/run/netns/dc1",
            HelpName = "name=network@namespace",
            Arity = ArgumentArity.OneOrMore,
            Required = true,
        };
        var roundTrip = new Option<string[]>("--round-trip")
        {
            Description = "The round trip between two datacenters in milliseconds, half of it each way. Example: dc1:dc2=10. Default: 0",
            HelpName = "a:b=ms",
            Arity = ArgumentArity.OneOrMore,
        };
        var jitterMs = new Option<double>("--jitter-ms") { Description = "The jitter of every direction. Default: 0" };
        var interfaceName = new Option<string>("--interface") { Description = "The TUN interface in each namespace.", DefaultValueFactory = static _ => "wan0" };
        var maxQueued = new Option<int>("--max-queued") { Description = "Packets under way in one direction; more are dropped and counted.", DefaultValueFactory = static _ => 20_000 };
        var seed = new Option<int>("--seed") { Description = "Decides all chances.", DefaultValueFactory = static _ => 1 };
        var command = new Command("run", Description) { socket, datacenter, roundTrip, jitterMs, interfaceName, maxQueued, seed };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var ends = parsed.GetValue(datacenter)!.Select(ParseDatacenter).ToArray();
            var rules = UsualRules([.. ends.Select(static e => e.Datacenter.Name)], parsed.GetValue(roundTrip) ?? [], parsed.GetValue(jitterMs));
            if (parsed.GetValue(maxQueued) < 1)
            {
                throw new WanException(WanCommand.WrongUsage, "--max-queued is at least 1");
            }

            var network = new WanNetwork([.. ends.Select(static e => e.Datacenter)], (from, to) => rules[(from, to)], parsed.GetValue(maxQueued), parsed.GetValue(seed));
            await RunAsync(network, [.. ends.Select(static e => e.Namespace)], parsed.GetValue(interfaceName)!, parsed.GetValue(socket)!, output, cancellationToken).ConfigureAwait(false);
            return 0;
        });
        return command;
    }

    private static async Task RunAsync(
        WanNetwork network, string[] namespaces, string interfaceName, string socket, TextWriter output, CancellationToken cancellationToken)
    {
        var devices = new List<TunDevice>();
        try
        {
            foreach (var each in namespaces)
            {
                devices.Add(TunDevice.Open(each, interfaceName));
            }

            using var loop = new WanLoop(network, devices, TimeProvider.System);
            using var server = new ControlServer(socket, loop);
            using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var serving = server.RunAsync(stopping.Token);
            var moving = Task.Factory.StartNew(() => loop.Run(stopping.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            await output.WriteLineAsync("ready").ConfigureAwait(false);
            await output.FlushAsync(CancellationToken.None).ConfigureAwait(false);
            var first = await Task.WhenAny(moving, serving).ConfigureAwait(false);
            await stopping.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(moving, serving, first).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or SocketException or UnauthorizedAccessException)
        {
            throw new WanException(WanCommand.ServiceUnavailable, exception is SocketException ? $"{socket}: {exception.Message}" : exception.Message, exception);
        }
        finally
        {
            devices.ForEach(static device => device.Dispose());
        }
    }

    internal static (WanDatacenter Datacenter, string Namespace) ParseDatacenter(string text)
    {
        if (text.Split('=', 2) is not [{ Length: > 0 } name, var rest] || rest.Split('@', 2) is not [var addresses, { Length: > 0 } networkNamespace]
            || name.Contains(':', StringComparison.Ordinal) || !IPNetwork.TryParse(addresses, out var network))
        {
            throw new WanException(WanCommand.WrongUsage, $"--datacenter '{text}' is not of the form name=network@namespace, such as dc1=10.77.1.0/24@/run/netns/dc1");
        }

        try
        {
            return (new(name, network), networkNamespace);
        }
        catch (ArgumentException exception)
        {
            throw new WanException(WanCommand.WrongUsage, $"--datacenter '{text}': {exception.Message}", exception);
        }
    }

    internal static Dictionary<(string From, string To), LinkRules> UsualRules(IReadOnlyList<string> names, IEnumerable<string> roundTrips, double jitterMs)
    {
        if (names.Count < 2 || names.Distinct().Count() < names.Count)
        {
            throw new WanException(WanCommand.WrongUsage, $"a WAN joins at least two datacenters of different names, not {string.Join(", ", names)}");
        }

        var rules = (from a in names from b in names where a != b select (a, b)).ToDictionary(static ends => ends, _ => new LinkRules { JitterMs = jitterMs });
        foreach (var text in roundTrips)
        {
            if (text.Split('=', 2) is not [var ends, var ms] || ends.Split(':') is not [var a, var b] || !rules.ContainsKey((a, b))
                || !double.TryParse(ms, NumberStyles.Float, CultureInfo.InvariantCulture, out var roundTripMs))
            {
                throw new WanException(WanCommand.WrongUsage, $"--round-trip '{text}' is not of the form a:b=milliseconds with two of {string.Join(", ", names)}");
            }

            rules[(a, b)] = rules[(a, b)] with { DelayMs = roundTripMs / 2 };
            rules[(b, a)] = rules[(b, a)] with { DelayMs = roundTripMs / 2 };
        }

        var problems = rules.Values.SelectMany(static r => r.Problems()).Distinct().ToArray();
        return problems.Length == 0 ? rules : throw new WanException(WanCommand.WrongUsage, string.Join("; ", problems));
    }
}
