using MultiDc.Host.CommandLine;
using MultiDc.Host.Connecting;
using MultiDc.Routing;

namespace MultiDc.Host.Tests.Commands;

/// <summary>Runs command lines through the real command tree, with a client that the test made.</summary>
internal sealed class CommandRun(FakeClient client)
{
    public FakeClient Client => client;

    /// <summary>What the last command would have connected to; null when it did not get so far.</summary>
    public MultiDcTopologyOptions? Topology { get; private set; }

    public Exception? ConnectFailure { get; set; }

    public string Input { get; set; } = "";

    public bool ErrorIsTerminal { get; set; }

    public TimeProvider Time { get; set; } = TimeProvider.System;

    public async Task<(int ExitCode, string Out, string Error)> RunAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        using var input = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(Input));
        var surroundings = new Surroundings
        {
            In = input,
            Out = TextWriter.Synchronized(output),
            Error = TextWriter.Synchronized(error),
            ErrorIsTerminal = ErrorIsTerminal,
            Time = Time,
            WorkingFolder = Path.GetTempPath(),
            Connect = (topology, _, _) =>
            {
                Topology = topology;
                return ConnectFailure is null ? Task.FromResult(new ClientConnection(client, static () => ValueTask.CompletedTask)) : Task.FromException<ClientConnection>(ConnectFailure);
            },
        };
        var exitCode = await MultiDcCommand.InvokeAsync(MultiDcCommand.Create(surroundings), arguments, surroundings, cancellationToken);
        return (exitCode, output.ToString(), error.ToString());
    }

    public Task<(int ExitCode, string Out, string Error)> RunAsync(params string[] arguments) => RunAsync(CancellationToken.None, arguments);
}
