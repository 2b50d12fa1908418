using System.Net;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using MultiDc.Server.Hosting;
using MultiDc.Storage;
using MultiDc.Storage.Postgres;
using Orleans.Configuration;
using StackExchange.Redis;

namespace MultiDc.Host.Silo;

/// <summary>Builds the host of one silo from configuration.</summary>
internal static class SiloHost
{
    /// <summary>Opens the store and builds the host; the host owns the store.</summary>
    /// <exception cref="StoreOpenException">The data folder cannot be used; the message is for the operator.</exception>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">The configuration cannot work; the messages are for the operator.</exception>
    public static async Task<IHost> BuildAsync(IConfiguration configuration, CancellationToken cancellationToken)
    {
        var (multiDc, silo) = SiloConfiguration.Read(configuration);
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new());
        builder.Configuration.AddConfiguration(configuration);
        builder.Logging.AddConfiguration(configuration.GetSection("Logging"));
        builder.Logging.AddSimpleConsole(static console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "HH:mm:ss.fff ";
        });

        // Standard output belongs to the command line.
        builder.Services.Configure<ConsoleLoggerOptions>(static console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services.AddMetrics();
        builder.UseOrleans(orleans =>
        {
            orleans.UseMultiDc();
            UseClustering(orleans, multiDc, silo);
            UseGrainStorage(orleans, silo);
            orleans.Configure<Orleans.Configuration.SiloOptions>(options => options.SiloName = silo.Name.Length > 0 ? silo.Name : $"{multiDc.Datacenter}/silo-1");

            // A silo that vanishes is missed within seconds; Orleans' defaults take over a minute when its connections just go silent.
            orleans.Configure<ClusterMembershipOptions>(membership =>
            {
                membership.ProbeTimeout = silo.ProbeTimeout;
                membership.MinProbeTimeout = silo.ProbeTimeout / 2;
                membership.MaxProbeTimeout = silo.ProbeTimeout * 2;
                membership.NumMissedProbesLimit = silo.MissedProbes;
                membership.TableRefreshTimeout = silo.MembershipRefreshPeriod;
                membership.IAmAliveTablePublishTimeout = silo.IAmAlivePeriod;
                membership.NumMissedTableIAmAliveLimit = 3;
                membership.EnableConnectionLivenessCheck = false;
            });
            orleans.Configure<ConnectionOptions>(static connection => connection.OpenConnectionTimeout = TimeSpan.FromSeconds(2));
        });

        // After the options were found valid, so that a wrong configuration leaves no folder behind.
        IReplicaStore store = silo.Store == SiloStore.Postgres
            ? await PostgresReplicaStore.OpenAsync(
                new() { ConnectionString = silo.Postgres, ClusterId = multiDc.ClusterId }, cancellationToken: cancellationToken).ConfigureAwait(false)
            : await RocksDbReplicaStore.OpenAsync(
                new() { Folder = multiDc.DataFolder, ClusterId = multiDc.ClusterId }, cancellationToken: cancellationToken).ConfigureAwait(false);
        builder.Services.AddSingleton(_ => store);
        return builder.Build();
    }

    // For the application's own grains, and for what MultiDc keeps outside its Raft groups (RingMemory).
    private static void UseGrainStorage(ISiloBuilder orleans, SiloOptions silo)
    {
        if (silo.Store == SiloStore.Postgres)
        {
            orleans.AddAdoNetGrainStorageAsDefault(Configure);
            orleans.AddAdoNetGrainStorage("multidc", Configure);
        }

        void Configure(AdoNetGrainStorageOptions storage)
        {
            storage.Invariant = "Npgsql";
            storage.ConnectionString = silo.Postgres;
        }
    }

    private static void UseClustering(ISiloBuilder orleans, MultiDcOptions multiDc, SiloOptions silo)
    {
        var datacenter = multiDc.Datacenters.First(d => d.Name == multiDc.Datacenter);
        var address = IPAddress.Parse(silo.Address);
        orleans.Configure<ClusterOptions>(cluster =>
        {
            cluster.ClusterId = datacenter.OrleansClusterId ?? datacenter.Name;
            cluster.ServiceId = datacenter.OrleansServiceId ?? multiDc.ClusterId;
        });
        orleans.ConfigureEndpoints(address, silo.SiloPort, silo.GatewayPort, listenOnAnyHostAddress: false);
        if (silo.Clustering == SiloClustering.Redis)
        {
            orleans.UseRedisClustering(redis => redis.ConfigurationOptions = ConfigurationOptions.Parse(silo.Redis));
        }
        else
        {
            orleans.UseDevelopmentClustering(new IPEndPoint(address, silo.PrimarySiloPort ?? silo.SiloPort));
        }
    }
}
