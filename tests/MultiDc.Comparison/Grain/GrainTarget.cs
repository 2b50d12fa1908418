using System.Net;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MultiDc.Comparison.Postgres;
using MultiDc.Comparison.Servers.Grain;
using MultiDc.Host.Bench;
using Orleans.Configuration;
using Orleans.Runtime;

namespace MultiDc.Comparison.Grain;

/// <summary>An Orleans grain for each key, whose state is in one PostgreSQL, through one Orleans client that all logical clients share.</summary>
internal sealed class GrainTarget : IBenchTarget, IAsyncDisposable
{
    private readonly IHost host;
    private readonly IClusterClient client;
    private readonly PostgresServer database;
    private readonly TimeSpan timeout;

    private GrainTarget(IHost host, PostgresServer database, TimeSpan timeout)
    {
        (this.host, this.database, this.timeout) = (host, database, timeout);
        client = host.Services.GetRequiredService<IClusterClient>();
    }

    public string Name => "grain";

    /// <summary>Connects.</summary>
    /// <param name="gateways">Those of all silos.</param>
    /// <param name="database">Where the silos keep the grains' state.</param>
    /// <param name="timeout">When an operation is given up.</param>
    /// <param name="cancellationToken">The user gave up.</param>
    public static async Task<GrainTarget> ConnectAsync(IReadOnlyList<IPEndPoint> gateways, PostgresServer database, TimeSpan timeout, CancellationToken cancellationToken)
    {
        await database.RequireDurableAsync(synchronousStandbys: 0, cancellationToken).ConfigureAwait(false);
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new());
        builder.UseOrleansClient(orleans =>
        {
            orleans.Configure<ClusterOptions>(static cluster => (cluster.ClusterId, cluster.ServiceId) = (GrainSilo.Cluster, GrainSilo.Cluster));
            orleans.UseStaticClustering([.. gateways]);
            orleans.Configure<ClientMessagingOptions>(messaging => messaging.ResponseTimeout = timeout);
        });
        var host = builder.Build();
        await host.StartAsync(cancellationToken).ConfigureAwait(false);
        return new(host, database, timeout);
    }

    public async ValueTask<OperationOutcome> PutAsync(int number, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken)
    {
        await GrainOf(key).PutAsync(value.ToArray()).WaitAsync(timeout, cancellationToken).ConfigureAwait(false);
        return OperationOutcome.Done;
    }

    public async ValueTask<OperationOutcome> GetAsync(int number, ReadOnlyMemory<byte> key, CancellationToken cancellationToken) =>
        await GrainOf(key).GetAsync().WaitAsync(timeout, cancellationToken).ConfigureAwait(false) is null ? OperationOutcome.Absent : OperationOutcome.Done;

    public ValueTask<OperationOutcome> ScanAsync(int number, ReadOnlyMemory<byte> after, int limit, CancellationToken cancellationToken) =>
        throw new NotSupportedException("grains are in no order");

    public async ValueTask<OperationOutcome> PingAsync(int number, CancellationToken cancellationToken)
    {
        await client.GetGrain<IEntryGrain>($"ping-{number}").PingAsync().WaitAsync(timeout, cancellationToken).ConfigureAwait(false);
        return OperationOutcome.Done;
    }

    public async Task<IReadOnlyList<ServerUsage>> GetUsageAsync(CancellationToken cancellationToken)
    {
        var silos = await client.GetGrain<IManagementGrain>(0)
            .SendControlCommandToProvider<SiloUseTeller>(SiloUseTeller.Name, command: 0, arg: null, cancellationToken)
            .ConfigureAwait(false);
        return
        [
            // Silos flush nothing themselves, and the database has no managed heap.
            .. silos.Cast<SiloUse>().Select(static silo => new ServerUsage($"silo {silo.ProcessId}", silo.ProcessorTime, silo.AllocatedBytes, DiskBytes: null, Flushes: 0)),
            await database.GetUsageAsync(cancellationToken).ConfigureAwait(false) with { AllocatedBytes = 0 },
        ];
    }

    public async ValueTask DisposeAsync()
    {
        await host.StopAsync().ConfigureAwait(false);
        host.Dispose();
        await database.DisposeAsync().ConfigureAwait(false);
    }

    private IEntryGrain GrainOf(ReadOnlyMemory<byte> key) => client.GetGrain<IEntryGrain>(Encoding.ASCII.GetString(key.Span));
}
