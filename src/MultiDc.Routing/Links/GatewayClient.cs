using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MultiDc.Grains;
using Orleans.Configuration;
using Orleans.Messaging;

namespace MultiDc.Routing.Links;

/// <summary>
/// An Orleans client of one gateway of another datacenter's cluster, in a child host: one process can hold only one client or silo per
/// host. Connects in the background, for as long as it takes and again whenever it must. One client per gateway, so that it is known of
/// each whether it answers; a ping every now and then tells, and measures the round trip.
/// <para>
/// A cut link looks like silence. TCP notices after minutes, and when the link is back it waits out a retransmission timeout that has
/// doubled all the while. So a connection on which nothing comes back is given up and made anew, again and again until one answers.
/// </para>
/// </summary>
internal sealed partial class GatewayClient : IAsyncDisposable
{
    private static readonly TimeSpan ConnectRetryDelay = TimeSpan.FromMilliseconds(300);

    private readonly IHost host;
    private readonly LinkOptions options;
    private readonly TimeProvider time;
    private readonly LinkMetrics metrics;
    private readonly ILogger logger;
    private readonly Action disconnected;
    private readonly CancellationTokenSource stopping = new();
    private readonly ConcurrentDictionary<ConnectionContext, byte> connections = new();
    private readonly Task running;
    private readonly Lock stateGate = new();
    private CancellationTokenSource lost = new();
    private long closings;
    private bool hasAnswered;
    private volatile GrainReferences? references;
    private volatile bool isUp;
    private long roundTripTicks;

    public GatewayClient(
        DatacenterOptions datacenter, string gateway, string serviceId, LinkOptions options, TimeProvider time, LinkMetrics metrics, ILoggerFactory loggers, Action disconnected)
    {
        this.disconnected = disconnected;
        Datacenter = new(datacenter.Name);
        Gateway = gateway;
        this.options = options;
        this.time = time;
        this.metrics = metrics;
        logger = loggers.CreateLogger<GatewayClient>();
        host = Build(datacenter, serviceId, loggers);
        metrics.Add(this);
        running = RunAsync();
    }

    public DatacenterId Datacenter { get; }

    /// <summary>As it stands in the options.</summary>
    public string Gateway { get; }

    /// <summary>The grains of the cluster; null while the gateway was never reached.</summary>
    public GrainReferences? Grains => references;

    /// <summary>Whether the last ping was answered in time.</summary>
    public bool IsUp => isUp;

    /// <summary>Cancelled when the connection is closed that calls made now travel on: they will get no answer.</summary>
    public CancellationToken Lost => Volatile.Read(ref lost).Token;

    /// <summary>Smoothed as TCP's (RFC 6298: seven parts of the old to one of the new); null before the first answer.</summary>
    public TimeSpan? RoundTripTime => Volatile.Read(ref roundTripTicks) is > 0 and var ticks ? new TimeSpan(ticks) : null;

    public async ValueTask DisposeAsync()
    {
        metrics.Remove(this);
        await stopping.CancelAsync().ConfigureAwait(false);
        await running.ConfigureAwait(false);
        try
        {
            using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            await host.StopAsync(soon.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is OperationCanceledException or OrleansException)
        {
            LogStopFailed(logger, Gateway, Datacenter, exception);
        }

        if (host is IAsyncDisposable disposable)
        {
            await disposable.DisposeAsync().ConfigureAwait(false);
        }

        stopping.Dispose();
    }

    private IHost Build(DatacenterOptions datacenter, string serviceId, ILoggerFactory loggers)
    {
        if (!TopologyValidation.TryParseGateway(Gateway, out var name, out var port))
        {
            throw new ArgumentException($"gateway '{Gateway}' is not of the form host:port", nameof(datacenter));
        }

        var refresh = TimeSpan.FromSeconds(1);
        var builder = Host.CreateEmptyApplicationBuilder(new() { ApplicationName = $"link to {datacenter.Name}" });
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton<IGatewayListProvider>(new GatewayAddress(name, port, refresh));
        builder.UseOrleansClient(orleans =>
        {
            orleans.Configure<ClusterOptions>(cluster =>
            {
                cluster.ClusterId = datacenter.OrleansClusterId ?? datacenter.Name;
                cluster.ServiceId = datacenter.OrleansServiceId ?? serviceId;
            });
            orleans.Configure<GatewayOptions>(gateway => gateway.GatewayListRefreshPeriod = refresh);
            orleans.Configure<ConnectionOptions>(static connection =>
            {
                connection.OpenConnectionTimeout = TimeSpan.FromSeconds(2);
                connection.ConnectionRetryDelay = ConnectRetryDelay;
            });

            // Callers set deadlines of their own, much shorter; this only frees what they left behind.
            orleans.Configure<ClientMessagingOptions>(static messaging => messaging.ResponseTimeout = TimeSpan.FromSeconds(10));
            orleans.Configure<ClientConnectionOptions>(connection => connection.ConfigureConnection(pipe => pipe.Use(Track)));
            orleans.UseConnectionRetryFilter(RetryAsync);
        });
        return builder.Build();
    }

    private ConnectionDelegate Track(ConnectionDelegate next) => async connection =>
    {
        connections[connection] = 0;
        try
        {
            await next(connection).ConfigureAwait(false);
        }
        finally
        {
            connections.TryRemove(connection, out _);
            if (connections.IsEmpty)
            {
                Closed();
            }
        }
    };

    private void Closed()
    {
        bool answered;
        lock (stateGate)
        {
            closings++;
            (answered, hasAnswered) = (hasAnswered, false);
            NotAnswered("the connection was closed");
        }

        // Orleans leaves calls that were under way to their deadlines. Who waits for them goes on elsewhere, not on the thread that closes the connection.
        _ = Interlocked.Exchange(ref lost, new()).CancelAsync();

        // What was never there is not gone when it hangs up: a gateway that is starting, or something else that listens on its port.
        if (answered && !stopping.IsCancellationRequested)
        {
            ThreadPool.QueueUserWorkItem(static told => told(), disconnected, preferLocal: false);
        }
    }

    private async Task RunAsync()
    {
        await Task.Yield();
        try
        {
            await host.StartAsync(stopping.Token).ConfigureAwait(false);
            var reached = new GrainReferences(host.Services.GetRequiredService<IClusterClient>());
            references = reached;
            await PingAsync(reached.Get<IPingGrain>(Gateway)).ConfigureAwait(false);
        }
        catch (Exception exception) when (stopping.IsCancellationRequested)
        {
            LogStopFailed(logger, Gateway, Datacenter, exception);
        }
        catch (Exception exception)
        {
            // The retry filter goes on for ever, so this is not a datacenter that is away but a client that cannot be built.
            LogBroken(logger, Gateway, Datacenter, exception);
        }
    }

    private async Task PingAsync(IPingGrain ping)
    {
        using var timer = new PeriodicTimer(options.PingInterval, time);
        var lastHeard = time.GetTimestamp();
        do
        {
            var (sentAt, sentAfter) = (time.GetTimestamp(), Volatile.Read(ref closings));
            try
            {
                await ping.PingAsync().WaitAsync(options.PingTimeout, time, stopping.Token).ConfigureAwait(false);
                lastHeard = time.GetTimestamp();
                Answered(time.GetElapsedTime(sentAt, lastHeard), sentAfter);
            }
            catch (Exception exception) when (!stopping.IsCancellationRequested)
            {
                NotAnswered(exception.Message);
                if (time.GetElapsedTime(lastHeard) >= options.RenewAfter)
                {
                    lastHeard = time.GetTimestamp();
                    Renew();
                }
            }
        }
        while (await timer.WaitForNextTickAsync(stopping.Token).ConfigureAwait(false));
    }

    private void Answered(TimeSpan roundTrip, long sentAfter)
    {
        var before = Volatile.Read(ref roundTripTicks);
        Volatile.Write(ref roundTripTicks, Math.Max(1, before == 0 ? roundTrip.Ticks : ((7 * before) + roundTrip.Ticks) / 8));
        lock (stateGate)
        {
            if (closings != sentAfter)
            {
                // It may have come over a connection that was closed since, and says nothing of the present one.
                return;
            }

            hasAnswered = true;
            if (!isUp)
            {
                isUp = true;
                LogUp(logger, Gateway, Datacenter);
            }
        }
    }

    private void NotAnswered(string reason)
    {
        if (isUp)
        {
            isUp = false;
            LogDown(logger, Gateway, Datacenter, reason);
        }
    }

    private void Renew()
    {
        foreach (var connection in connections.Keys)
        {
            metrics.Renewals.Add(1, LinkMetrics.TagsOf(this));
            connection.Abort(new ConnectionAbortedException($"nothing came back from {Gateway}"));
        }
    }

    private async Task<bool> RetryAsync(Exception exception, CancellationToken cancellationToken)
    {
        LogRetry(logger, Gateway, Datacenter, exception.Message);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stopping.Token);
        try
        {
            await Task.Delay(ConnectRetryDelay, time, either.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    [LoggerMessage(3000, LogLevel.Information, "Gateway {Gateway} of datacenter {Datacenter} is up")]
    private static partial void LogUp(ILogger logger, string gateway, DatacenterId datacenter);

    [LoggerMessage(3001, LogLevel.Debug, "Gateway {Gateway} of datacenter {Datacenter}: not connected yet: {Reason}")]
    private static partial void LogRetry(ILogger logger, string gateway, DatacenterId datacenter, string reason);

    [LoggerMessage(3002, LogLevel.Error, "Gateway {Gateway} of datacenter {Datacenter} cannot be used")]
    private static partial void LogBroken(ILogger logger, string gateway, DatacenterId datacenter, Exception exception);

    [LoggerMessage(3003, LogLevel.Debug, "The client of gateway {Gateway} of datacenter {Datacenter} was closed before it was up or did not stop in time")]
    private static partial void LogStopFailed(ILogger logger, string gateway, DatacenterId datacenter, Exception exception);

    [LoggerMessage(3004, LogLevel.Warning, "Gateway {Gateway} of datacenter {Datacenter} does not answer: {Reason}")]
    private static partial void LogDown(ILogger logger, string gateway, DatacenterId datacenter, string reason);
}
