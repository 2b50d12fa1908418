namespace MultiDc.Shop;

/// <summary>The configuration section <c>Shop</c>; checked at start.</summary>
internal sealed class ShopOptions
{
    /// <summary>Where the data is. Default: <c>default</c>.</summary>
    public string Keyspace { get; set; } = "default";

    /// <summary>How long one request may take, a failover included, until it is answered with 503. Default: 3 s.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(3);
}
