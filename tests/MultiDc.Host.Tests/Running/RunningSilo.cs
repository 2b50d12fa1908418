using System.Net;
using System.Net.Sockets;
using MultiDc.Host.CommandLine;

namespace MultiDc.Host.Tests.Running;

/// <summary>Ports that were free a moment ago.</summary>
internal sealed record FreePorts(int Silo, int Gateway)
{
    public static FreePorts Find()
    {
        using var first = new TcpListener(IPAddress.Loopback, 0);
        using var second = new TcpListener(IPAddress.Loopback, 0);
        first.Start();
        second.Start();
        return new(((IPEndPoint)first.LocalEndpoint).Port, ((IPEndPoint)second.LocalEndpoint).Port);
    }
}

/// <summary><c>multidc run</c> in this process, until it is disposed.</summary>
internal sealed class RunningSilo : IAsyncDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly LineWaiter output = new();
    private readonly LineWaiter error = new();
    private readonly Task<int> running;

    private RunningSilo(string workingFolder, string[] arguments)
    {
        var surroundings = new Surroundings { In = Stream.Null, Out = output, Error = error, ErrorIsTerminal = false, WorkingFolder = workingFolder };
        running = Task.Run(() => MultiDcCommand.InvokeAsync(MultiDcCommand.Create(surroundings), ["run", .. arguments], surroundings, stop.Token));
    }

    public string Out => output.ToString();

    public string Error => error.ToString();

    /// <summary>Settings of a datacenter with one silo.</summary>
    public static string[] Settings(FreePorts ports, string dataFolder, params string[] more) =>
    [
        .. new[]
        {
            "MultiDc:Datacenter=dc1", "MultiDc:Datacenters:0:Name=dc1", "MultiDc:TickInterval=00:00:00.010", "MultiDc:Keyspaces:0:Name=default", "MultiDc:Keyspaces:0:ShardCount=2",
            $"MultiDc:DataFolder={dataFolder}", $"Silo:SiloPort={ports.Silo}", $"Silo:GatewayPort={ports.Gateway}",
        }.Concat(more).SelectMany(static setting => new[] { "--set", setting }),
    ];

    /// <summary>Starts, and returns when it serves.</summary>
    public static async Task<RunningSilo> StartAsync(string workingFolder, params string[] arguments)
    {
        var silo = Begin(workingFolder, arguments);
        await silo.SaysAsync("serves on gateway");
        return silo;
    }

    /// <summary>Starts, and returns at once.</summary>
    public static RunningSilo Begin(string workingFolder, params string[] arguments) => new(workingFolder, arguments);

    /// <summary>Returns when it has said a text on standard output.</summary>
    public async Task SaysAsync(string text)
    {
        var said = output.WaitForAsync(text);
        await Task.WhenAny(said, running);
        if (!said.IsCompleted)
        {
            throw new InvalidOperationException($"it ended with {await running}: {Error}");
        }
    }

    /// <summary>Runs a silo that is expected not to start.</summary>
    public static async Task<(int ExitCode, string Out, string Error)> FailAsync(string workingFolder, params string[] arguments)
    {
        var silo = new RunningSilo(workingFolder, arguments);
        await Task.WhenAny(silo.output.WaitForAsync("serves on gateway"), silo.running);
        if (!silo.running.IsCompleted)
        {
            await silo.DisposeAsync();
            Assert.Fail("it serves");
        }

        return (await silo.running, silo.Out, silo.Error);
    }

    /// <summary>Stops it as Ctrl-C does.</summary>
    public async Task<int> StopAsync()
    {
        await stop.CancelAsync();
        return await running;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        stop.Dispose();
        await output.DisposeAsync();
        await error.DisposeAsync();
    }
}
