using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using MultiDc.Routing;
using MultiDc.Routing.Links;
using MultiDc.Routing.Shards;

namespace MultiDc.Client.Hosting;

/// <summary>Adds MultiDc to an Orleans client.</summary>
public static class MultiDcClientBuilderExtensions
{
    /// <summary>
    /// Registers <see cref="IMultiDcClient"/>, with options from the configuration section <c>MultiDc</c>. The Orleans client itself is the
    /// way to its own datacenter; to datacenters with gateways in the options, embedded clients are the way.
    /// </summary>
    public static IClientBuilder UseMultiDc(this IClientBuilder builder) => builder.UseMultiDc(static _ => { });

    /// <summary>As above; <paramref name="configure"/> has the last word over the configuration section.</summary>
    public static IClientBuilder UseMultiDc(this IClientBuilder builder, Action<MultiDcClientOptions> configure)
    {
        var options = new MultiDcClientOptions();
        builder.Configuration.GetSection("MultiDc").Bind(options);
        configure(options);
        if (TopologyValidation.Problems(options).ToArray() is { Length: > 0 } problems)
        {
            throw new OptionsValidationException("MultiDc", typeof(MultiDcClientOptions), problems.Select(static p => $"MultiDc options: {p}"));
        }

        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(static provider => new LinkMetrics(provider.GetService<System.Diagnostics.Metrics.IMeterFactory>()));
        builder.Services.AddSingleton<IDatacenterLinks>(provider => new DatacenterLinks(
            options,
            provider.GetRequiredService<IClusterClient>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<LinkMetrics>(),
            provider.GetRequiredService<ILoggerFactory>()));
        builder.Services.AddSingleton(provider => new ShardRouter(
            provider.GetRequiredService<IDatacenterLinks>(),
            options.Router,
            provider.GetRequiredService<TimeProvider>(),
            Random.Shared.NextDouble,
            provider.GetRequiredService<ILogger<ShardRouter>>()));
        builder.Services.AddSingleton<RingCache>();
        builder.Services.AddSingleton<IMultiDcClient>(provider => new MultiDcClient(
            provider.GetRequiredService<IDatacenterLinks>(),
            provider.GetRequiredService<RingCache>(),
            provider.GetRequiredService<ShardRouter>(),
            options,
            provider.GetRequiredService<TimeProvider>()));
        return builder;
    }
}
