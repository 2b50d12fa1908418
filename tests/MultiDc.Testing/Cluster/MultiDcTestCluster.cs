using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MultiDc.Client;
using MultiDc.Client.Hosting;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Routing;
using MultiDc.Server.Hosting;
using MultiDc.Storage;
using Orleans.Configuration;
using Orleans.Messaging;
using Orleans.TestingHost;

namespace MultiDc.Testing.Cluster;

/// <summary>
/// One Orleans cluster stretched over several datacenters, in this process, over TCP on the loopback, with disks in memory: the real
/// grains, directory, placement and membership, and faults at will. TestingHost's own clusters stop a silo in good order even when they
/// kill it; here a crash resets connections and leaves the membership table as it was.
/// </summary>
public sealed class MultiDcTestCluster : IAsyncDisposable
{
    /// <summary>How long a test waits for what must come; only a failure takes this long.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly List<IHost> clientHosts = [];
    private readonly TestClusterPortAllocator ports = new();

    private MultiDcTestCluster(MultiDcTestClusterOptions options) => Options = options;

    /// <summary>What it looks like.</summary>
    public MultiDcTestClusterOptions Options { get; }

    /// <summary>All silos, up or down, by datacenter and name.</summary>
    public IReadOnlyList<TestSilo> Silos { get; private set; } = [];

    /// <summary>Clients, one in each datacenter.</summary>
    public IReadOnlyDictionary<DatacenterId, IMultiDcClient> Clients { get; private set; } = new Dictionary<DatacenterId, IMultiDcClient>();

    /// <summary>The client in the first datacenter.</summary>
    public IMultiDcClient Client => Clients[new(Options.Datacenters[0])];

    /// <summary>The Orleans client under <see cref="Client"/>, for calls to one replica.</summary>
    public IClusterClient Grains => clientHosts[0].Services.GetRequiredService<IClusterClient>();

    /// <summary>Which Raft messages are lost.</summary>
    public RaftFaults Raft { get; } = new();

    /// <summary>What all processes logged.</summary>
    public TestLog Log { get; } = new();

    internal string Id { get; } = $"multidc-test-{Guid.NewGuid():N}";

    internal MembershipTable Membership { get; } = new();

    internal ConnectionFaults Connections { get; } = new();

    /// <summary>
    /// Starts silos and clients. No leader is elected before all silos are up, so that the replicas are founded on all of them and not on
    /// whichever silo came first; with <see cref="MultiDcTestClusterOptions.StartTogether"/> nothing is held back.
    /// </summary>
    public static async Task<MultiDcTestCluster> StartAsync(MultiDcTestClusterOptions? options = null)
    {
        var cluster = new MultiDcTestCluster(options ?? new());
        try
        {
            await cluster.DeployAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>A silo by name.</summary>
    public TestSilo Silo(string name) => Silos.Single(silo => silo.Name == name);

    /// <summary>The replica grain.</summary>
    public IReplicaGrain Replica(ReplicaAddress replica) => Grains.GetGrain<IReplicaGrain>(replica.ToString());

    /// <summary>The addresses of all replicas of keyspace <c>default</c>.</summary>
    public IEnumerable<ReplicaAddress> DefaultReplicas =>
        from number in Enumerable.Range(0, Options.ShardCount)
        from datacenter in Options.Datacenters
        select new ReplicaAddress(new("default", number), new(datacenter));

    /// <summary>Looks at all replicas until they are as wanted.</summary>
    public Task<IReadOnlyList<ReplicaStatus>> WaitForReplicasAsync(string what, Func<IReadOnlyList<ReplicaStatus>, bool> good) => WaitAsync(
        what, () => Client.GetStatusAsync(), good, static all => string.Join("\n", all.Select(Describe)));

    /// <summary>Waits until every replica of the ring and of keyspace <c>default</c> runs and follows a leader.</summary>
    public Task<IReadOnlyList<ReplicaStatus>> WaitUntilAllRunAsync() => WaitForReplicasAsync(
        "all replicas run and have a leader",
        all => all.Count >= (Options.ShardCount + 1) * Options.Datacenters.Count && all.All(static r => r is { State: "running", Leader: not null }));

    /// <summary>Waits until the ring as the first datacenter's client sees it is as wanted.</summary>
    public async Task<RingSnapshot> WaitForRingAsync(string what, Func<RingSnapshot, bool> good) => (await WaitAsync(
        what,
        () => Client.GetRingAsync(),
        ring => ring is not null && good(ring),
        static ring => ring is null ? "no ring" : $"version {ring.Version.Value}: {string.Join(", ", ring.Members.Select(static m => m.Silo))}"))!;

    /// <summary>Waits with the cluster's log in the failure's message.</summary>
    public async Task<T> WaitAsync<T>(string what, Func<Task<T>> look, Func<T, bool> good, Func<T, string> describe)
    {
        try
        {
            return await Poll.UntilAsync(what, look, good, describe, Patience);
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException($"{exception.Message}\nThe cluster's log ends:\n{string.Join("\n", Log.Lines.TakeLast(150))}");
        }
    }

    /// <summary>A replica's status in one line.</summary>
    public static string Describe(ReplicaStatus status) =>
        $"{status.Replica} on {status.Silo}: {status.State} {status.Role} term {status.Term} leader {status.Leader} epoch {status.Epoch} applied {status.AppliedIndex}/{status.LastIndex} {status.Detail}";

    /// <summary>Ends everything.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var host in clientHosts)
        {
            await host.StopAsync();
            await ((IAsyncDisposable)host).DisposeAsync();
        }

        await Task.WhenAll(Silos.Select(static silo => silo.StopAsync()));
        ports.Dispose();
    }

    internal void Configure(MultiDcOptions options, string datacenter)
    {
        options.SiloKey = Id;
        ConfigureTopology(options, datacenter);
        options.Keyspaces.Add(new() { Name = "default", ShardCount = Options.ShardCount });
        options.RingRefreshPeriod = Options.RingRefreshPeriod;
        options.ReplaceLostStores = Options.ReplaceLostStores;
        options.ElectionTimeoutTicks = (int)(Options.ElectionTimeout / options.TickInterval);
        Options.ConfigureSiloOptions?.Invoke(options);
    }

    private async Task DeployAsync()
    {
        var (siloPort, gatewayPort) = ports.AllocateConsecutivePortPairs(Options.Datacenters.Count * Options.SilosPerDatacenter);
        var silos = new List<TestSilo>();
        foreach (var datacenter in Options.Datacenters)
        {
            var shared = NewDisk();
            for (var i = 1; i <= Options.SilosPerDatacenter; i++)
            {
                var disk = Options.Stores == TestStores.PerDatacenter ? shared : NewDisk();
                silos.Add(new(this, datacenter, $"{datacenter}/silo-{i}", siloPort + silos.Count, gatewayPort + silos.Count, disk));
            }
        }

        Silos = silos;
        var starting = silos.Where(silo => !Options.InitiallyDown.Contains(silo.Name)).ToArray();
        if (Options.StartTogether)
        {
            await Task.WhenAll(starting.Select(static silo => silo.StartAsync()));
        }
        else
        {
            CutEverything();
            foreach (var silo in starting)
            {
                await silo.StartAsync();
            }

            Raft.Heal();
        }

        var clients = new Dictionary<DatacenterId, IMultiDcClient>();
        foreach (var datacenter in Options.Datacenters)
        {
            clients.Add(new(datacenter), await StartClientAsync(datacenter));
        }

        Clients = clients;
    }

    /// <summary>An empty disk with an identity of its own.</summary>
    public static MemoryDisk NewDisk() => new(new("multidc", Guid.NewGuid()));

    private void CutEverything()
    {
        foreach (var one in Options.Datacenters)
        {
            foreach (var other in Options.Datacenters.Where(other => other != one))
            {
                Raft.CutOneWay(new(one), new(other));
            }
        }
    }

    private async Task<IMultiDcClient> StartClientAsync(string datacenter)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new() { ApplicationName = $"client in {datacenter}" });
        Log.AddTo(builder.Logging, $"client-{datacenter}");
        builder.UseOrleansClient(orleans =>
        {
            orleans.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (Id, Id));
            orleans.Services.AddSingleton<IGatewayListProvider>(new TestGateways(Membership));
            orleans.Configure<GatewayOptions>(static options => options.GatewayListRefreshPeriod = TimeSpan.FromMilliseconds(500));
            orleans.Configure<ClientConnectionOptions>(options => options.ConfigureConnection(connection => connection.Use(Connections.Watch(builder))));
            orleans.UseMultiDc(options =>
            {
                ConfigureTopology(options, datacenter);
                Options.ConfigureClient?.Invoke(options);
            });
        });
        var host = builder.Build();
        clientHosts.Add(host);
        await host.StartAsync();
        return host.Services.GetRequiredService<IMultiDcClient>();
    }

    // No gateways: all datacenters are in this one Orleans cluster.
    private void ConfigureTopology(MultiDcTopologyOptions options, string datacenter)
    {
        options.Datacenter = datacenter;
        foreach (var name in Options.Datacenters)
        {
            options.Datacenters.Add(new() { Name = name, Witness = Options.Witnesses.Contains(name) });
        }
    }
}
