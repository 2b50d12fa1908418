using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MultiDc.Server.Placement;
using Orleans.Configuration;
using Orleans.Runtime.Hosting;

namespace MultiDc.Server.Tests.Links;

/// <summary>
/// An Orleans cluster whose gateways are behind links that can be cut. Orleans' clients speak to a gateway under the address that its silo
/// names, so it is the link's, and the silo listens elsewhere.
/// </summary>
internal sealed class FarCluster : IAsyncDisposable
{
    public const string Id = "far";

    private readonly List<IHost> silos = [];

    private FarCluster()
    {
    }

    public List<StallingProxy> Gateways { get; } = [];

    public static async Task<FarCluster> StartAsync(int silos)
    {
        var cluster = new FarCluster();
        var ports = FreePorts(2 * silos);
        for (var i = 0; i < silos; i++)
        {
            var (siloPort, listenPort) = (ports[2 * i], ports[(2 * i) + 1]);
            var gateway = new StallingProxy(listenPort);
            cluster.Gateways.Add(gateway);
            var builder = Host.CreateEmptyApplicationBuilder(new() { ApplicationName = $"far silo {i}" });
            builder.UseOrleans(orleans =>
            {
                orleans.AddGrainDirectory(SiloLocalGrainDirectory.Name, static (_, _) => new SiloLocalGrainDirectory());
                orleans.UseDevelopmentClustering(new IPEndPoint(IPAddress.Loopback, ports[0]));
                orleans.Configure<ClusterOptions>(static options => (options.ClusterId, options.ServiceId) = (Id, Id));
                orleans.Configure<EndpointOptions>(options =>
                {
                    options.AdvertisedIPAddress = IPAddress.Loopback;
                    (options.SiloPort, options.GatewayPort) = (siloPort, gateway.Port);
                    options.GatewayListeningEndpoint = new(IPAddress.Loopback, listenPort);
                });
            });
            var host = builder.Build();
            cluster.silos.Add(host);
            await host.StartAsync();
        }

        return cluster;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var silo in silos)
        {
            await silo.StopAsync();
            silo.Dispose();
        }

        foreach (var gateway in Gateways)
        {
            await gateway.DisposeAsync();
        }
    }

    private static int[] FreePorts(int count)
    {
        // Held together, so that no port is given twice.
        var listeners = Enumerable.Range(0, count).Select(static _ => new TcpListener(IPAddress.Loopback, 0)).ToArray();
        Array.ForEach(listeners, static listener => listener.Start());
        var ports = listeners.Select(static listener => ((IPEndPoint)listener.LocalEndpoint).Port).ToArray();
        Array.ForEach(listeners, static listener => listener.Dispose());
        return ports;
    }
}
