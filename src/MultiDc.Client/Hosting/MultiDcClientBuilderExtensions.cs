using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

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
    /// <exception cref="OptionsValidationException">The options cannot work; all reasons at once.</exception>
    public static IClientBuilder UseMultiDc(this IClientBuilder builder, Action<MultiDcClientOptions> configure)
    {
        var options = new MultiDcClientOptions();
        builder.Configuration.GetSection("MultiDc").Bind(options);
        configure(options);
        MultiDcClientServices.Require(options, []);
        MultiDcClientServices.Add(builder.Services, options, static provider => provider.GetRequiredService<IClusterClient>());
        return builder;
    }
}
