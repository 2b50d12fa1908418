using System.CommandLine;
using System.Diagnostics;
using MultiDc.Client;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Connecting;
using MultiDc.Host.Output;
using MultiDc.Routing.Links;

namespace MultiDc.Host.Commands;

/// <summary>What a command that talks to a running MultiDc works with.</summary>
/// <param name="Client">Connected.</param>
/// <param name="Results">Where results go.</param>
/// <param name="Remaining">What connecting left of the time-out.</param>
/// <param name="Timeout">The whole time-out.</param>
/// <param name="Links">The client's ways to the datacenters, if it has some.</param>
internal sealed record ClientWork(IMultiDcClient Client, IResultWriter Results, TimeSpan Remaining, TimeSpan Timeout, IDatacenterLinks? Links)
{
    /// <summary>The client as a session uses it; null: as nobody in particular does.</summary>
    public IMultiDcClient ClientIn(ReadSession? session) => session is null ? Client : Client.InSession(session);
}

/// <summary>Makes a command out of what it does once it is connected.</summary>
internal static class ClientCommand
{
    public static Option<string> KeyspaceOption() => new("--keyspace", "-k")
    {
        Description = "The keyspace.",
        HelpName = "name",
        DefaultValueFactory = static _ => "default",
    };

    public static Argument<string> KeyArgument() => new("KEY") { Description = $"The key: 1 to {KeyLimits.MaxKeyBytes} bytes of UTF-8." };

    /// <summary>Adds the options of a connection, and an action that connects, works and disconnects.</summary>
    /// <param name="command">The command.</param>
    /// <param name="surroundings">The process.</param>
    /// <param name="prepare">Runs before the connection is made, so that what is wrong locally is told at once; what it returns does the work.</param>
    public static Command Connected(this Command command, Surroundings surroundings, Func<ParseResult, Func<ClientWork, CancellationToken, Task<ExitCode>>> prepare)
    {
        var options = new ConnectOptions();
        options.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var startedAt = Stopwatch.GetTimestamp();
            var work = prepare(parsed);
            var timeout = options.TimeoutOf(parsed);
            var topology = options.TopologyOf(parsed);
            IResultWriter results = options.IsJson(parsed) ? new JsonResultWriter(surroundings.Out) : new PlainResultWriter(surroundings.Out, surroundings.Error, parsed.GetValue<bool>("--verbose"));
            var request = new ConnectRequest(timeout, parsed.GetValue<bool>("--verbose"), notice =>
            {
                if (surroundings.ErrorIsTerminal)
                {
                    surroundings.Error.WriteLine(notice);
                }
            });
            await using var connection = await surroundings.Connect(topology, request, cancellationToken).ConfigureAwait(false);
            var left = timeout - Stopwatch.GetElapsedTime(startedAt);
            return (int)await work(new(connection.Client, results, left > TimeSpan.Zero ? left : TimeSpan.Zero, timeout, connection.Links), cancellationToken).ConfigureAwait(false);
        });
        return command;
    }
}
