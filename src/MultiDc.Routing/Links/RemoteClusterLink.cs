using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;

namespace MultiDc.Routing.Links;

/// <summary>A datacenter with an Orleans cluster of its own, reached through any of its gateways that answers.</summary>
internal sealed class RemoteClusterLink : IDatacenterLink, IAsyncDisposable
{
    // Not null while it is built: a gateway may be lost again by then.
    private readonly GatewayClient[] gateways = [];
    private volatile GatewayClient current;

    public RemoteClusterLink(DatacenterOptions datacenter, string serviceId, LinkOptions options, TimeProvider time, LinkMetrics metrics, ILoggerFactory loggers)
    {
        Datacenter = new(datacenter.Name);
        gateways = [.. datacenter.Gateways.Select(gateway => new GatewayClient(datacenter, gateway, serviceId, options, time, metrics, loggers, Disconnected))];
        current = gateways.Length > 0 ? gateways[0] : throw new ArgumentException($"datacenter '{datacenter.Name}' has no gateways", nameof(datacenter));
    }

    public event Action? Severed;

    public DatacenterId Datacenter { get; }

    public bool IsUp => Choose().IsUp;

    public TimeSpan? RoundTripTime => Choose().RoundTripTime;

    public CancellationToken Lost => Choose().Lost;

    public bool TryGetGrain<TGrain>(string key, [NotNullWhen(true)] out TGrain? grain)
        where TGrain : class, IGrainWithStringKey
    {
        grain = Choose().Grains?.Get<TGrain>(key);
        return grain is not null;
    }

    public async ValueTask DisposeAsync() =>
        await Task.WhenAll(gateways.Select(static gateway => gateway.DisposeAsync().AsTask())).ConfigureAwait(false);

    private void Disconnected()
    {
        if (!gateways.Any(static gateway => gateway.IsUp))
        {
            Severed?.Invoke();
        }
    }

    // One at a time, so that what is sent one after the other arrives so, mostly. When none answers, one that was reached before is as good as any.
    private GatewayClient Choose()
    {
        var chosen = current;
        if (!chosen.IsUp)
        {
            chosen = Array.Find(gateways, static gateway => gateway.IsUp) ?? (chosen.Grains is null ? Array.Find(gateways, static gateway => gateway.Grains is not null) : null) ?? chosen;
            current = chosen;
        }

        return chosen;
    }
}
