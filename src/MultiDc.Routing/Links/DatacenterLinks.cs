using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;

namespace MultiDc.Routing.Links;

/// <summary>Builds the links that the options describe and owns them.</summary>
public sealed class DatacenterLinks : IDatacenterLinks, IAsyncDisposable
{
    private readonly FrozenDictionary<DatacenterId, IDatacenterLink> links;

    /// <summary>Begins to connect to every datacenter that has gateways of its own.</summary>
    /// <param name="options">A valid topology.</param>
    /// <param name="grains">
    /// The grain factory of this process's own Orleans cluster, for the own datacenter and those without gateways. Null: this process is in no
    /// cluster, and all datacenters are reached through their gateways.
    /// </param>
    /// <param name="time">Pings and pauses.</param>
    /// <param name="metrics">Where the links tell how they are.</param>
    /// <param name="loggers">For the embedded clients too.</param>
    public DatacenterLinks(MultiDcTopologyOptions options, IGrainFactory? grains, TimeProvider time, LinkMetrics metrics, ILoggerFactory loggers)
    {
        Local = new(options.Datacenter);
        Datacenters = [.. options.Datacenters.Select(static d => new DatacenterId(d.Name))];
        Witnesses = [.. options.Datacenters.Where(static d => d.Witness).Select(static d => new DatacenterId(d.Name)).Order()];
        links = options.Datacenters.ToFrozenDictionary(
            static d => new DatacenterId(d.Name),
            d => grains is not null && (d.Name == options.Datacenter || d.Gateways.Count == 0)
                ? (IDatacenterLink)new SameClusterLink(new(d.Name), grains)
                : new RemoteClusterLink(d, options.ClusterId, options.Links, time, metrics, loggers));
    }

    /// <inheritdoc/>
    public DatacenterId Local { get; }

    /// <inheritdoc/>
    public IReadOnlyList<DatacenterId> Datacenters { get; }

    /// <inheritdoc/>
    public ImmutableArray<DatacenterId> Witnesses { get; }

    /// <inheritdoc/>
    public bool TryGetLink(DatacenterId datacenter, [NotNullWhen(true)] out IDatacenterLink? link) => links.TryGetValue(datacenter, out link);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var link in links.Values.OfType<RemoteClusterLink>())
        {
            await link.DisposeAsync().ConfigureAwait(false);
        }
    }
}
