using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using MultiDc.Client;
using MultiDc.Client.Hosting;
using MultiDc.Routing;
using Orleans.Configuration;

namespace MultiDc.Host.Connecting;

/// <summary>An Orleans client of one datacenter's cluster, which goes on trying to connect until it is disposed.</summary>
internal sealed class ConnectAttempt : IAsyncDisposable
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan DisposeTimeout = TimeSpan.FromSeconds(3);

    private readonly CancellationTokenSource stopping = new();
    private readonly TaskCompletionSource troubled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly DatacenterOptions datacenter;
    private string lastTrouble = "no answer";

    public ConnectAttempt(MultiDcTopologyOptions topology, DatacenterOptions datacenter, bool logWarnings)
    {
        this.datacenter = datacenter;
        Connected = Task.Run(() => ConnectAsync(topology, logWarnings));
    }

    /// <summary>Completes when connected; fails when this datacenter cannot be reached however long one tries.</summary>
    public Task<IHost> Connected { get; }

    /// <summary>Completes when the first try failed.</summary>
    public Task Troubled => troubled.Task;

    /// <summary>The datacenter, its gateways and the last thing that went wrong.</summary>
    public override string ToString() => $"{datacenter.Name} ({string.Join(", ", datacenter.Gateways)}): {lastTrouble}";

    /// <summary>Stops trying, or disconnects.</summary>
    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync().ConfigureAwait(false);
        try
        {
            await DisconnectAsync().WaitAsync(DisposeTimeout).ConfigureAwait(false);
            stopping.Dispose();
        }
        catch (TimeoutException)
        {
            // The datacenter went silent; what hangs on it ends with the process.
        }
    }

    private async Task DisconnectAsync()
    {
        await ((Task)Connected).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (Connected.IsCompletedSuccessfully)
        {
            await StopAsync(await Connected.ConfigureAwait(false)).ConfigureAwait(false);
        }
    }

    private async Task<IHost> ConnectAsync(MultiDcTopologyOptions topology, bool logWarnings)
    {
        IHost? host = null;
        try
        {
            host = Build(topology, logWarnings);
            await host.StartAsync(stopping.Token).ConfigureAwait(false);
            return host;
        }
        catch (Exception exception)
        {
            // When it was given up, what was in the way before says more than that it was given up.
            if (!stopping.IsCancellationRequested)
            {
                lastTrouble = FirstLineOf(exception);
            }

            troubled.TrySetResult();
            if (host is not null)
            {
                await StopAsync(host).ConfigureAwait(false);
            }

            throw;
        }
    }

    private IHost Build(MultiDcTopologyOptions topology, bool logWarnings)
    {
        var gateways = datacenter.Gateways.Select(EndpointOf).ToArray();
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new() { ApplicationName = "multidc" });
        if (logWarnings)
        {
            builder.Logging.SetMinimumLevel(LogLevel.Warning).AddSimpleConsole(static console => console.SingleLine = true);
            builder.Services.Configure<ConsoleLoggerOptions>(static console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        }

        builder.UseOrleansClient(client =>
        {
            client.UseStaticClustering(gateways);
            client.Configure<ClusterOptions>(cluster =>
            {
                cluster.ClusterId = datacenter.OrleansClusterId ?? datacenter.Name;
                cluster.ServiceId = datacenter.OrleansServiceId ?? topology.ClusterId;
            });
            client.Configure<ConnectionOptions>(static connection =>
            {
                connection.OpenConnectionTimeout = TimeSpan.FromSeconds(2);
                connection.ConnectionRetryDelay = RetryDelay;
            });
            client.UseConnectionRetryFilter(RetryAsync);
            client.UseMultiDc(options => Copy(topology, options));
        });
        return builder.Build();
    }

    private void Copy(MultiDcTopologyOptions topology, MultiDcClientOptions options)
    {
        options.ClusterId = topology.ClusterId;
        options.Datacenter = datacenter.Name;
        foreach (var each in topology.Datacenters)
        {
            options.Datacenters.Add(each);
        }
    }

    private async Task<bool> RetryAsync(Exception exception, CancellationToken cancellationToken)
    {
        lastTrouble = FirstLineOf(exception);
        troubled.TrySetResult();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stopping.Token);
        try
        {
            await Task.Delay(RetryDelay, either.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private static async Task StopAsync(IHost host)
    {
        try
        {
            using var soon = new CancellationTokenSource(DisposeTimeout / 2);
            await host.StopAsync(soon.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is OperationCanceledException or OrleansException or ObjectDisposedException)
        {
            // It was not connected, or the other side is gone: there is nothing left to say goodbye to.
        }

        if (host is IAsyncDisposable disposable)
        {
            await disposable.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static IPEndPoint EndpointOf(string gateway)
    {
        if (!TopologyValidation.TryParseGateway(gateway, out var name, out var port))
        {
            throw new ArgumentException($"gateway '{gateway}' is not of the form host:port", nameof(gateway));
        }

        try
        {
            return new(IPAddress.TryParse(name, out var literal) ? literal : Dns.GetHostAddresses(name)[0], port);
        }
        catch (SocketException exception)
        {
            throw new OrleansException($"the name {name} cannot be resolved: {exception.Message}", exception);
        }
    }

    private static string FirstLineOf(Exception exception) => exception.Message.Split('\n', 2)[0].TrimEnd('\r', ' ', '.');
}
