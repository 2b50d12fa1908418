using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using MultiDc.Routing;
using MultiDc.Routing.Links;
using MultiDc.Routing.Shards;

namespace MultiDc.Client.Hosting;

/// <summary>What every client is made of.</summary>
internal static class MultiDcClientServices
{
    public static void Require(MultiDcClientOptions options, IEnumerable<string> further)
    {
        if (TopologyValidation.Problems(options).Concat(options.Router.Problems()).Concat(options.Watch.Problems()).Concat(further).ToArray() is { Length: > 0 } problems)
        {
            throw new OptionsValidationException("MultiDc", typeof(MultiDcClientOptions), problems.Select(static problem => $"MultiDc options: {problem}"));
        }
    }

    public static void Add(IServiceCollection services, MultiDcClientOptions options, Func<IServiceProvider, IGrainFactory?> ownCluster)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(static provider => new LinkMetrics(provider.GetService<System.Diagnostics.Metrics.IMeterFactory>()));
        services.AddSingleton<IDatacenterLinks>(provider => new DatacenterLinks(
            options,
            ownCluster(provider),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<LinkMetrics>(),
            provider.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton(static provider => new ShardRouterMetrics(provider.GetService<System.Diagnostics.Metrics.IMeterFactory>()));
        services.AddSingleton(provider => new ShardRouter(
            provider.GetRequiredService<IDatacenterLinks>(),
            options.Router,
            provider.GetRequiredService<TimeProvider>(),
            Random.Shared.NextDouble,
            provider.GetRequiredService<ILogger<ShardRouter>>(),
            provider.GetRequiredService<ShardRouterMetrics>()));
        services.AddSingleton(provider => new RingCache(
            provider.GetRequiredService<IDatacenterLinks>(), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<RingCache>>(), options.RingRefreshPeriod));
        services.AddSingleton(static provider => new Locks.MultiDcLocks(
            provider.GetRequiredService<IMultiDcClient>(), provider.GetRequiredService<TimeProvider>(), Random.Shared.NextDouble));
        services.AddSingleton<IMultiDcClient>(provider => new MultiDcClient(
            provider.GetRequiredService<IDatacenterLinks>(),
            provider.GetRequiredService<RingCache>(),
            provider.GetRequiredService<ShardRouter>(),
            options,
            provider.GetRequiredService<TimeProvider>(),
            Random.Shared.NextDouble));
    }
}
