namespace MultiDc.Routing.Links;

/// <summary>How the links to other datacenters are watched.</summary>
public sealed class LinkOptions
{
    /// <summary>How often each gateway of another datacenter is pinged. Default: 500 ms.</summary>
    public TimeSpan PingInterval { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>A gateway that has not answered a ping for so long counts as down. Default: 1 s.</summary>
    public TimeSpan PingTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>A connection on which nothing came back for so long is given up and made anew. Default: 3 s.</summary>
    public TimeSpan RenewAfter { get; set; } = TimeSpan.FromSeconds(3);

    internal IEnumerable<string> Problems()
    {
        foreach (var (name, value) in new[] { (nameof(PingInterval), PingInterval), (nameof(PingTimeout), PingTimeout), (nameof(RenewAfter), RenewAfter) })
        {
            if (value < TimeSpan.FromMilliseconds(10) || value > TimeSpan.FromMinutes(1))
            {
                yield return $"Links:{name} {value} is not within 10 ms to 1 minute";
            }
        }
    }
}
