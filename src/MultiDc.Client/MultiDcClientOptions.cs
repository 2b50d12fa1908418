using MultiDc.Routing;
using MultiDc.Routing.Shards;

namespace MultiDc.Client;

/// <summary>How a client reaches MultiDc. Read from the configuration section <c>MultiDc</c> or set in code; checked at start.</summary>
public sealed class MultiDcClientOptions : MultiDcTopologyOptions
{
    /// <summary>The deadline of an operation that names none. Default: 10 s.</summary>
    public TimeSpan DefaultTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How old the ring that a client routes by may become before it looks, while it goes on, whether keyspaces were altered. Default: 10 s.</summary>
    public TimeSpan RingRefreshPeriod { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How patiently leaders are looked for. Defaults: see <see cref="ShardRouterOptions"/>.</summary>
    public ShardRouterOptions Router { get; init; } = new();

    /// <summary>How patiently changes are watched. Defaults: see <see cref="WatchSettings"/>.</summary>
    public WatchSettings Watch { get; init; } = new();
}
