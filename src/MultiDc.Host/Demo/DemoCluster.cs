using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using MultiDc.Server.Hosting;

namespace MultiDc.Host.Demo;

/// <summary>Three datacenters on this machine: each its own process, its own Orleans cluster and its own store below one folder.</summary>
internal sealed class DemoCluster : IDisposable
{
    public const string ClusterId = "multidc-demo";
    public const string Keyspace = "demo";
    private static readonly string[] Names = ["dc1", "dc2", "dc3"];

    private readonly Dictionary<string, string> gateways;
    private readonly string siloKey = Convert.ToHexString(RandomNumberGenerator.GetBytes(32));

    public DemoCluster(DemoOptions options)
    {
        var ports = FreePorts(2 * Names.Length);
        gateways = Names.Select((name, i) => (name, port: ports[i])).ToDictionary(static x => x.name, static x => $"127.0.0.1:{x.port}");
        Datacenters = [.. Names.Select((name, i) => Prepare(options, name, gatewayPort: ports[i], siloPort: ports[Names.Length + i]))];
    }

    public IReadOnlyList<DemoDatacenter> Datacenters { get; }

    /// <summary>The gateway of every datacenter.</summary>
    public IReadOnlyDictionary<string, string> Gateways => gateways;

    public void Dispose()
    {
        foreach (var datacenter in Datacenters)
        {
            datacenter.Dispose();
        }
    }

    private DemoDatacenter Prepare(DemoOptions options, string name, int gatewayPort, int siloPort)
    {
        var folder = Path.Combine(options.Folder, name);
        Directory.CreateDirectory(folder);
        var configuration = new JsonObject
        {
            ["MultiDc"] = new JsonObject
            {
                ["ClusterId"] = ClusterId,
                ["SiloKey"] = siloKey,
                ["Datacenter"] = name,
                [nameof(MultiDcOptions.Datacenters)] = new JsonArray([.. Names.Select(n => new JsonObject { ["Name"] = n, [nameof(MultiDc.Routing.DatacenterOptions.Gateways)] = new JsonArray(gateways[n]) })]),
                ["DataFolder"] = Path.Combine(folder, "store"),
                ["Keyspaces"] = new JsonArray(new JsonObject { ["Name"] = Keyspace, ["ShardCount"] = options.Shards }),
                ["UnsafeReadsWithoutReadIndex"] = options.Break == DemoCommand.BreakReads,
            },
            ["Silo"] = new JsonObject { ["Name"] = $"{name}/silo-1", ["SiloPort"] = siloPort, ["GatewayPort"] = gatewayPort },
            ["Logging"] = new JsonObject
            {
                ["LogLevel"] = new JsonObject { ["Default"] = "Error", ["MultiDc"] = "Information" },
            },
        };
        var file = Path.Combine(folder, "appsettings.json");
        File.WriteAllText(file, configuration.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
        return new(name, file, Path.Combine(folder, "silo.log"));
    }

    private static int[] FreePorts(int count)
    {
        // Held together, so that no port is given twice.
        var listeners = Enumerable.Range(0, count).Select(static _ => new TcpListener(IPAddress.Loopback, 0)).ToArray();
        foreach (var listener in listeners)
        {
            listener.Start();
        }

        var ports = listeners.Select(static l => ((IPEndPoint)l.LocalEndpoint).Port).ToArray();
        foreach (var listener in listeners)
        {
            listener.Dispose();
        }

        return ports;
    }
}
