using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace MultiDc.Routing.Links;

/// <summary>What the links of this process measure, under the meter <c>MultiDc</c>.</summary>
public sealed class LinkMetrics : IDisposable
{
    private readonly Meter meter;
    private readonly ConcurrentDictionary<GatewayClient, TagList> gateways = new();

    /// <summary>Registers the instruments.</summary>
    public LinkMetrics(IMeterFactory? meters)
    {
        var options = new MeterOptions("MultiDc");
        meter = meters?.Create(options) ?? new Meter(options);
        Renewals = meter.CreateCounter<long>("multidc.link.renewals", "{connection}", "Connections to other datacenters that were given up because nothing came back, and made anew.");
        meter.CreateObservableGauge(
            "multidc.link.up", () => gateways.Select(static pair => new Measurement<int>(pair.Key.IsUp ? 1 : 0, pair.Value)), "{gateway}", "Whether the gateway answered its last ping.");
        meter.CreateObservableGauge(
            "multidc.link.round_trip_time",
            () => gateways.Where(static pair => pair.Key.RoundTripTime is not null).Select(static pair => new Measurement<double>(pair.Key.RoundTripTime!.Value.TotalSeconds, pair.Value)),
            "s",
            "Smoothed round-trip time of pings to the gateway.");
    }

    internal Counter<long> Renewals { get; }

    /// <inheritdoc/>
    public void Dispose() => meter.Dispose();

    internal void Add(GatewayClient gateway) => gateways[gateway] = TagsOf(gateway);

    internal void Remove(GatewayClient gateway) => gateways.TryRemove(gateway, out _);

    internal static TagList TagsOf(GatewayClient gateway) => new() { { "datacenter", gateway.Datacenter.Value }, { "gateway", gateway.Gateway } };
}
