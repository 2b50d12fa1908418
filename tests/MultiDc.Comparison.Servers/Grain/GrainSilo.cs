using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Orleans.Configuration;
using Orleans.Providers;

namespace MultiDc.Comparison.Servers.Grain;

/// <summary>A silo as an Orleans application has it: defaults, and grain storage in a database by Orleans' own provider.</summary>
internal static class GrainSilo
{
    /// <summary>The cluster's name, and its service's.</summary>
    public const string Cluster = "comparison";

    public static IHost Build(IPEndPoint silo, int gatewayPort, IPEndPoint primary, string connectionString)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Logging.AddSimpleConsole().SetMinimumLevel(LogLevel.Warning);
        builder.Services.Configure<ConsoleLoggerOptions>(static console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.UseOrleans(orleans =>
        {
            orleans.Configure<ClusterOptions>(static cluster => (cluster.ClusterId, cluster.ServiceId) = (Cluster, Cluster));

            // The first silo's memory: memberships take no part in an operation.
            orleans.UseDevelopmentClustering(primary);
            orleans.ConfigureEndpoints(silo.Address, silo.Port, gatewayPort, listenOnAnyHostAddress: false);
            orleans.AddAdoNetGrainStorageAsDefault(storage => (storage.Invariant, storage.ConnectionString) = ("Npgsql", connectionString));
            orleans.Services.AddKeyedSingleton<IControllable, SiloUseTeller>(SiloUseTeller.Name);
        });
        return builder.Build();
    }
}
