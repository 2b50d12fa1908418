namespace MultiDc.Host.Drills.Shop;

/// <summary>How the drill of the web app is run.</summary>
internal sealed record ShopDrillOptions
{
    /// <summary>The script that brought the datacenters up and breaks them.</summary>
    public required string Script { get; init; }

    /// <summary>How often a datacenter is killed.</summary>
    public required int Rounds { get; init; }

    /// <summary>How long it stays away each time.</summary>
    public required TimeSpan FaultLength { get; init; }

    /// <summary>Customers of each shop.</summary>
    public required int Customers { get; init; }

    /// <summary>Where the customers' choices come from.</summary>
    public required ulong Seed { get; init; }
}
