using System.Diagnostics.CodeAnalysis;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;

namespace MultiDc.Routing.Links;

/// <summary>
/// A datacenter with an Orleans cluster of its own, reached through an Orleans client that lives in a child host: one process can hold
/// only one client or silo per host. Connects in the background and for as long as it takes, so that a silo starts although other
/// datacenters are away.
/// </summary>
internal sealed partial class RemoteClusterLink : IDatacenterLink, IAsyncDisposable
{
    private static readonly TimeSpan ConnectRetryDelay = TimeSpan.FromMilliseconds(300);

    private readonly IHost host;
    private readonly CancellationTokenSource stopping = new();
    private readonly ILogger<RemoteClusterLink> logger;
    private readonly Task connecting;
    private volatile IClusterClient? client;

    public RemoteClusterLink(DatacenterOptions datacenter, string serviceId, ILoggerFactory loggers)
    {
        Datacenter = new(datacenter.Name);
        logger = loggers.CreateLogger<RemoteClusterLink>();
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new() { ApplicationName = $"link to {datacenter.Name}" });
        builder.Services.AddSingleton(loggers);
        builder.UseOrleansClient(client =>
        {
            client.UseStaticClustering([.. datacenter.Gateways.Select(EndpointOf)]);
            client.Configure<ClusterOptions>(cluster =>
            {
                cluster.ClusterId = datacenter.OrleansClusterId ?? datacenter.Name;
                cluster.ServiceId = datacenter.OrleansServiceId ?? serviceId;
            });
            client.Configure<GatewayOptions>(static gateway => gateway.GatewayListRefreshPeriod = TimeSpan.FromSeconds(1));
            client.Configure<ConnectionOptions>(static connection =>
            {
                connection.OpenConnectionTimeout = TimeSpan.FromSeconds(2);
                connection.ConnectionRetryDelay = ConnectRetryDelay;
            });
            client.UseConnectionRetryFilter(RetryAsync);
        });
        host = builder.Build();
        connecting = ConnectAsync();
    }

    public DatacenterId Datacenter { get; }

    public bool TryGetGrain<TGrain>(string key, [NotNullWhen(true)] out TGrain? grain)
        where TGrain : class, IGrainWithStringKey
    {
        grain = client?.GetGrain<TGrain>(key);
        return grain is not null;
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync().ConfigureAwait(false);
        await connecting.ConfigureAwait(false);
        try
        {
            using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            await host.StopAsync(soon.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is OperationCanceledException or OrleansException)
        {
            LogStopFailed(logger, Datacenter, exception);
        }

        if (host is IAsyncDisposable disposable)
        {
            await disposable.DisposeAsync().ConfigureAwait(false);
        }

        stopping.Dispose();
    }

    private static IPEndPoint EndpointOf(string gateway)
    {
        if (!TopologyValidation.TryParseGateway(gateway, out var name, out var port))
        {
            throw new ArgumentException($"gateway '{gateway}' is not of the form host:port", nameof(gateway));
        }

        // Orleans' static clustering takes addresses, so a name is resolved once, at start.
        var address = IPAddress.TryParse(name, out var literal) ? literal : Dns.GetHostAddresses(name)[0];
        return new(address, port);
    }

    private async Task ConnectAsync()
    {
        await Task.Yield();
        try
        {
            await host.StartAsync(stopping.Token).ConfigureAwait(false);
            client = host.Services.GetRequiredService<IClusterClient>();
            LogConnected(logger, Datacenter);
        }
        catch (Exception exception) when (stopping.IsCancellationRequested)
        {
            LogStopFailed(logger, Datacenter, exception);
        }
        catch (Exception exception)
        {
            // The retry filter goes on for ever, so this is not a datacenter that is away but a client that cannot be built.
            LogBroken(logger, Datacenter, exception);
        }
    }

    private async Task<bool> RetryAsync(Exception exception, CancellationToken cancellationToken)
    {
        LogRetry(logger, Datacenter, exception.Message);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stopping.Token);
        try
        {
            await Task.Delay(ConnectRetryDelay, either.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    [LoggerMessage(3000, LogLevel.Information, "Link to datacenter {Datacenter} is up")]
    private static partial void LogConnected(ILogger logger, DatacenterId datacenter);

    [LoggerMessage(3001, LogLevel.Debug, "Link to datacenter {Datacenter}: not connected yet: {Reason}")]
    private static partial void LogRetry(ILogger logger, DatacenterId datacenter, string reason);

    [LoggerMessage(3002, LogLevel.Error, "Link to datacenter {Datacenter} cannot be used")]
    private static partial void LogBroken(ILogger logger, DatacenterId datacenter, Exception exception);

    [LoggerMessage(3003, LogLevel.Debug, "Link to datacenter {Datacenter} was closed before it was up or did not stop in time")]
    private static partial void LogStopFailed(ILogger logger, DatacenterId datacenter, Exception exception);
}
