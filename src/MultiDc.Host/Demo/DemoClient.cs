using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MultiDc.Client;
using MultiDc.Client.Hosting;
using Orleans.Configuration;

namespace MultiDc.Host.Demo;

/// <summary>A web app in one datacenter, as far as MultiDc can tell: an Orleans client of that datacenter with MultiDc added.</summary>
internal sealed class DemoClient : IAsyncDisposable
{
    private readonly IHost host;

    private DemoClient(string datacenter, IHost host)
    {
        Datacenter = datacenter;
        this.host = host;
        Client = host.Services.GetRequiredService<IMultiDcClient>();
    }

    public string Datacenter { get; }

    public IMultiDcClient Client { get; }

    /// <summary>Connects; waits as long as it takes for the datacenter's gateway.</summary>
    public static async Task<DemoClient> ConnectAsync(string datacenter, IReadOnlyDictionary<string, string> gateways, CancellationToken cancellationToken)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new());
        builder.UseOrleansClient(orleans =>
        {
            orleans.UseStaticClustering(IPEndPoint.Parse(gateways[datacenter]));
            orleans.Configure<ClusterOptions>(cluster =>
            {
                cluster.ClusterId = datacenter;
                cluster.ServiceId = DemoCluster.ClusterId;
            });
            orleans.Configure<GatewayOptions>(static gateway => gateway.GatewayListRefreshPeriod = TimeSpan.FromSeconds(1));
            orleans.Configure<ConnectionOptions>(static connection => connection.ConnectionRetryDelay = TimeSpan.FromMilliseconds(300));
            orleans.UseConnectionRetryFilter(static async (_, cancellationToken) =>
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200), cancellationToken);
                return true;
            });
            orleans.UseMultiDc(options =>
            {
                options.ClusterId = DemoCluster.ClusterId;
                options.Datacenter = datacenter;
                foreach (var (name, gateway) in gateways)
                {
                    options.Datacenters.Add(new() { Name = name, Gateways = { gateway } });
                }
            });
        });
        var host = builder.Build();
        await host.StartAsync(cancellationToken);
        return new(datacenter, host);
    }

    public async ValueTask DisposeAsync()
    {
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try
        {
            await host.StopAsync(soon.Token);
        }
        catch (OperationCanceledException)
        {
            // The datacenter is gone already; there is nobody to say goodbye to.
        }

        if (host is IAsyncDisposable disposable)
        {
            await disposable.DisposeAsync();
        }
    }
}
