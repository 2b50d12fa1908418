using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MultiDc.Server.Hosting;
using MultiDc.Server.Replication;
using MultiDc.Server.Transport;
using MultiDc.Storage;
using Orleans.Configuration;

namespace MultiDc.Testing.Cluster;

/// <summary>A silo of a <see cref="MultiDcTestCluster"/>: a name, a disk and two ports that outlive its processes.</summary>
public sealed class TestSilo
{
    // Longer than Orleans lets a stopping silo wait for the others' answers (30 s), so that what it says of them is in the log when patience ends.
    private static readonly TimeSpan DisposePatience = TimeSpan.FromMinutes(3);

    private readonly MultiDcTestCluster cluster;
    private readonly int siloPort;
    private readonly int gatewayPort;
    private IHost? host;
    private SiloMembershipTable? table;
    private IReplicaStore? store;
    private object? process;

    internal TestSilo(MultiDcTestCluster cluster, string datacenter, string name, int siloPort, int gatewayPort, MemoryDisk disk)
    {
        this.cluster = cluster;
        this.siloPort = siloPort;
        this.gatewayPort = gatewayPort;
        Datacenter = new(datacenter);
        Name = name;
        Disk = disk;
    }

    /// <summary>Where clients connect.</summary>
    public int GatewayPort => gatewayPort;

    /// <summary>Its datacenter.</summary>
    public DatacenterId Datacenter { get; }

    /// <summary>Its name, of the form <c>datacenter/silo</c>.</summary>
    public string Name { get; }

    /// <summary>What its store writes to. Exchange it, while the silo is down, for a silo that lost its disk.</summary>
    public MemoryDisk Disk { get; set; }

    /// <summary>Has the last word over the options with which its processes start.</summary>
    public Action<MultiDcOptions>? Configuration { get; set; }

    /// <summary>Whether a process runs.</summary>
    public bool IsUp => host is not null;

    /// <summary>The services of the running process.</summary>
    public IServiceProvider Services => host?.Services ?? throw new InvalidOperationException($"{Name} is down");

    /// <summary>Starts a process.</summary>
    public async Task StartAsync()
    {
        if (host is not null)
        {
            throw new InvalidOperationException($"{Name} is up");
        }

        cluster.Connections.Revive([siloPort, gatewayPort]);
        table = new(cluster.Membership);
        store = cluster.Options.OpenStore is { } open ? await open(Datacenter.Value) : new MemoryReplicaStore(Disk);
        var builder = Host.CreateEmptyApplicationBuilder(new() { ApplicationName = Name });
        cluster.Log.AddTo(builder.Logging, Name);
        process = new object();
        builder.UseOrleans(orleans =>
        {
            Configure(orleans);
            orleans.UseMultiDc(options =>
            {
                cluster.Configure(options, Datacenter.Value);
                Configuration?.Invoke(options);
            });
            cluster.Options.ConfigureSilo?.Invoke(orleans);
        });
        var starting = builder.Build();
        try
        {
            await starting.StartAsync();
        }
        catch
        {
            await ((IAsyncDisposable)starting).DisposeAsync();
            throw;
        }

        host = starting;
    }

    /// <summary>
    /// Ends the process as a power failure does: what its own disk had not flushed is lost, its connections are reset, nobody is told. Its
    /// threads are then cleaned up, which a dead process would not need.
    /// </summary>
    public async Task CrashAsync()
    {
        var dying = host ?? throw new InvalidOperationException($"{Name} is down");
        host = null;
        table!.Cut();
        cluster.Connections.Kill(process!, [siloPort, gatewayPort]);
        if (cluster.Options.Stores == TestStores.PerSilo)
        {
            Disk.Crash();
        }
        else
        {
            await store!.DisposeAsync();
        }

        await CleanUpAsync(dying, new CancellationToken(canceled: true));
    }

    /// <summary>Ends the process in good order.</summary>
    public async Task StopAsync()
    {
        if (host is { } stopping)
        {
            host = null;
            await CleanUpAsync(stopping, CancellationToken.None);
        }
    }

    private void Configure(ISiloBuilder orleans)
    {
        orleans.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (cluster.Id, cluster.Id));
        orleans.Configure<SiloOptions>(options => options.SiloName = Name);
        orleans.ConfigureEndpoints(IPAddress.Loopback, siloPort, gatewayPort, listenOnAnyHostAddress: false);
        orleans.Services.AddSingleton<IMembershipTable>(table!);
        orleans.Services.AddSingleton<IFatalErrorHandler>(new SurvivingErrorHandler(cluster.Log, Name));
        orleans.Services.AddSingleton<IReplicaStore>(_ => store!);
        orleans.Services.AddSingleton<IRaftTransport>(services => new FaultyRaftTransport(
            services.GetRequiredService<GrainRaftTransport>(), cluster.Raft, services.GetRequiredService<Routing.Links.IDatacenterLinks>()));

        // The check of connections stays on: it spares a silo that is only slow, and a crash resets its connections.
        orleans.Configure<ClusterMembershipOptions>(static membership =>
        {
            membership.ProbeTimeout = TimeSpan.FromSeconds(1);
            membership.MaxProbeTimeout = TimeSpan.FromSeconds(2);
            membership.NumMissedProbesLimit = 2;
            membership.TableRefreshTimeout = TimeSpan.FromSeconds(2);
        });
        orleans.Configure<ConnectionOptions>(static connection => connection.OpenConnectionTimeout = TimeSpan.FromSeconds(2));
        orleans.Configure<SiloConnectionOptions>(options =>
            options.ConfigureSiloOutboundConnection(connection => connection.Use(cluster.Connections.Watch(process!))));
    }

    private async Task CleanUpAsync(IHost stopping, CancellationToken cancellationToken)
    {
        var startedAt = Stopwatch.GetTimestamp();
        try
        {
            await stopping.StopAsync(cancellationToken).WaitAsync(DisposePatience, CancellationToken.None);
        }
        catch (Exception exception) when (cancellationToken.IsCancellationRequested)
        {
            cluster.Log.Add($"{Name} after its crash: {exception.Message}");
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException($"{Name} has not stopped after {DisposePatience}. The cluster's log ends:\n{string.Join("\n", cluster.Log.Lines.TakeLast(150))}", exception);
        }

        var stoppedAfter = Stopwatch.GetElapsedTime(startedAt);
        await ((IAsyncDisposable)stopping).DisposeAsync().AsTask().WaitAsync(DisposePatience, CancellationToken.None);
        cluster.Log.Add($"{Name} stopped after {stoppedAfter.TotalSeconds:0.0} s, was disposed of after {Stopwatch.GetElapsedTime(startedAt).TotalSeconds:0.0} s");
    }

    // Orleans ends the process when it learns that it was declared dead; this process is the test.
    private sealed class SurvivingErrorHandler(TestLog log, string name) : IFatalErrorHandler
    {
        public bool IsUnexpected(Exception exception) => exception is not ObjectDisposedException;

        public void OnFatalException(object? sender, string? context, Exception? exception) =>
            log.Add($"{name} would end its process: {context} {exception?.Message}");
    }
}
