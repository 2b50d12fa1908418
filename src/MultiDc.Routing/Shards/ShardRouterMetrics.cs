using System.Diagnostics.Metrics;

namespace MultiDc.Routing.Shards;

/// <summary>What the router of this process measures, under the meter <c>MultiDc</c>.</summary>
public sealed class ShardRouterMetrics : IDisposable
{
    private readonly Meter meter;

    /// <summary>Registers the instruments.</summary>
    public ShardRouterMetrics(IMeterFactory? meters)
    {
        var options = new MeterOptions("MultiDc");
        meter = meters?.Create(options) ?? new Meter(options);
        Refused = meter.CreateCounter<long>(
            "multidc.client.requests.refused", "{request}", "Requests that were refused in this process, because too many were under way on their shard.");
    }

    internal Counter<long> Refused { get; }

    /// <inheritdoc/>
    public void Dispose() => meter.Dispose();
}
