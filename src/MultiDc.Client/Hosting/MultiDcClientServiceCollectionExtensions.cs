using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using MultiDc.Routing;

namespace MultiDc.Client.Hosting;

/// <summary>Adds MultiDc to an application that is in no Orleans cluster, such as a web app.</summary>
public static class MultiDcClientServiceCollectionExtensions
{
    /// <summary>
    /// Registers <see cref="IMultiDcClient"/>, which brings Orleans clients of its own, one per gateway of every datacenter. It starts whatever is
    /// away, prefers <see cref="MultiDcTopologyOptions.Datacenter"/>, goes by another within a second or two when that one is gone, and returns when
    /// it is back.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configuration">Where the section <c>MultiDc</c> is.</param>
    /// <param name="configure">Has the last word over it.</param>
    /// <exception cref="OptionsValidationException">The options cannot work; all reasons at once.</exception>
    public static IServiceCollection AddMultiDcClient(this IServiceCollection services, IConfiguration configuration, Action<MultiDcClientOptions>? configure = null)
    {
        var options = new MultiDcClientOptions();
        configuration.GetSection("MultiDc").Bind(options);
        configure?.Invoke(options);
        var withoutGateways = options.Datacenters.Where(static datacenter => datacenter.Gateways.Count == 0)
            .Select(static datacenter => $"datacenter '{datacenter.Name}' has no gateways, and this application is in no Orleans cluster of its own");
        MultiDcClientServices.Require(options, withoutGateways);
        MultiDcClientServices.Add(services, options, static _ => null);
        return services;
    }
}
