using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using MultiDc.Routing.Links;
using MultiDc.Routing.Shards;
using MultiDc.Server.Diagnostics;
using MultiDc.Server.Founding;
using MultiDc.Server.Openings;
using MultiDc.Server.Placement;
using MultiDc.Server.Replication;
using MultiDc.Server.Ring;
using MultiDc.Server.Transport;
using MultiDc.Server.Trust;
using MultiDc.Server.Watching;
using MultiDc.Storage;
using Orleans.Runtime.Hosting;
using Orleans.Runtime.MembershipService.SiloMetadata;

namespace MultiDc.Server.Hosting;

/// <summary>Adds MultiDc to a silo.</summary>
public static class MultiDcSiloBuilderExtensions
{
    /// <summary>
    /// Makes the silo host replicas, with options from the configuration section <c>MultiDc</c>. Register an <see cref="IReplicaStore"/>
    /// before for another store than the embedded one.
    /// </summary>
    public static ISiloBuilder UseMultiDc(this ISiloBuilder builder) => builder.UseMultiDc(static _ => { });

    /// <summary>As above; <paramref name="configure"/> has the last word over the configuration section.</summary>
    public static ISiloBuilder UseMultiDc(this ISiloBuilder builder, Action<MultiDcOptions> configure)
    {
        var options = new MultiDcOptions();
        builder.Configuration.GetSection("MultiDc").Bind(options);
        configure(options);
        if (options.Keyspaces.Count == 0)
        {
            options.Keyspaces.Add(new() { Name = "default" });
        }

        if (new MultiDcOptionsValidator().Validate(null, options) is { Failed: true } invalid)
        {
            throw new OptionsValidationException("MultiDc", typeof(MultiDcOptions), invalid.Failures);
        }

        builder.UseSiloMetadata(new Dictionary<string, string>
        {
            [DatacenterId.SiloMetadataKey] = options.Datacenter,
            [SiloTopology.WeightKey] = options.Weight.ToString(),
        });
        builder.AddPlacementDirector<DatacenterPlacement, DatacenterPlacementDirector>();
        builder.AddGrainDirectory(SiloLocalGrainDirectory.Name, static (_, _) => new SiloLocalGrainDirectory());
        builder.AddGrainService<ReplicaHomeService>();
        builder.AddGrainService<UsageService>();
        AddServices(builder.Services, options);
        return builder;
    }

    private static void AddServices(IServiceCollection services, MultiDcOptions options)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IOptions<MultiDcOptions>>(Options.Create(options));
        services.AddSingleton<ISiloTopology, SiloTopology>();
        services.AddSingleton<ReplicaHomeClient>();
        services.AddSingleton<IReplicaHomes>(static provider => provider.GetRequiredService<ReplicaHomeClient>());
        services.AddSingleton<ISiloStores>(static provider => provider.GetRequiredService<ReplicaHomeClient>());
        services.AddSingleton<DatacenterSiloChooser>();
        services.AddSingleton<ProcessUsage>();
        services.AddSingleton<UsageClient>();
        services.AddSingleton(static provider => new LinkMetrics(provider.GetService<System.Diagnostics.Metrics.IMeterFactory>()));
        services.AddSingleton<IDatacenterLinks>(provider => new DatacenterLinks(
            options,
            provider.GetRequiredService<IGrainFactory>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<LinkMetrics>(),
            provider.GetRequiredService<ILoggerFactory>()));
        services.TryAddSingleton<IReplicaStore>(provider => EmbeddedStore(provider, options));
        services.AddSingleton<ReplicaRecords>();
        services.AddSingleton<FoundingTurns>();
        services.AddSingleton<ReplicaFounder>();
        services.AddSingleton<DroppedReplicas>();
        services.AddSingleton<OpeningJudge>();
        services.AddTransient<RingMemory>();
        services.AddSingleton(static provider => new ReplicaMetrics(provider.GetService<System.Diagnostics.Metrics.IMeterFactory>()));
        services.AddSingleton(provider => new PumpScheduler(
            options.PumpThreads, provider.GetRequiredService<IReplicaStore>() as IWriterCommits, provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ITickSource>()));
        services.TryAddSingleton<ITickSource>(_ => new ThreadTickSource(options.TickInterval));
        services.AddSingleton(provider => new SiloGate(
            options.ClusterId,
            options.SiloKey,
            provider.GetRequiredService<ReplicaMetrics>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<SiloGate>>()));
        services.AddSingleton<LocalReplicas>();
        services.AddSingleton<KeyspacePolicies>();
        services.AddSingleton(provider => new GrainRaftTransport(
            provider.GetRequiredService<IDatacenterLinks>(),
            provider.GetRequiredService<SiloGate>(),
            new OutboxOptions(),
            provider.GetRequiredService<PumpScheduler>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ReplicaMetrics>(),
            provider.GetRequiredService<ILogger<GrainRaftTransport>>()));
        services.TryAddSingleton<IRaftTransport>(static provider => provider.GetRequiredService<GrainRaftTransport>());
        services.AddSingleton(new HistoryBudget(options.WatchHistoryBytes));
        services.AddSingleton<ReplicaPumpFactory>();
        services.AddSingleton(static provider => new ShardRouter(
            provider.GetRequiredService<IDatacenterLinks>(),
            new ShardRouterOptions(),
            provider.GetRequiredService<TimeProvider>(),
            Random.Shared.NextDouble,
            provider.GetRequiredService<ILogger<ShardRouter>>()));
        services.AddHostedService<WitnessCheck>();
        services.AddHostedService<LostDatacenters>();
        services.AddHostedService<RingWaker>();
        services.AddHostedService<DropSweeper>();
        services.AddHostedService<LeadershipHandover>();
        services.AddHostedService<StoreRegistrar>();
        if (options.UnsafeSecondActivationPeriod > TimeSpan.Zero)
        {
            services.AddHostedService<SecondActivations>();
        }
    }

    // The container has no asynchronous factories. A program that wants to tell its user plainly why a folder cannot be used opens the store
    // first and registers it.
    private static RocksDbReplicaStore EmbeddedStore(IServiceProvider provider, MultiDcOptions options) => RocksDbReplicaStore.OpenAsync(
        new() { Folder = options.DataFolder, ClusterId = options.ClusterId },
        provider.GetRequiredService<TimeProvider>(),
        provider.GetService<System.Diagnostics.Metrics.IMeterFactory>(),
        provider.GetRequiredService<ILogger<RocksDbReplicaStore>>()).GetAwaiter().GetResult();
}
