using MultiDc.Routing.Links;

namespace MultiDc.Shop;

/// <summary>How this web app stands with the datacenters.</summary>
/// <param name="Datacenter">Its own.</param>
/// <param name="TalksTo">The one it asks first: its own, another while that one is gone; null when none answers.</param>
/// <param name="Datacenters">All of them.</param>
internal sealed record ShopHealth(string Datacenter, string? TalksTo, IReadOnlyList<DatacenterHealth> Datacenters)
{
    public static ShopHealth Of(IDatacenterLinks links)
    {
        var datacenters = links.Datacenters
            .Select(datacenter => links.TryGetLink(datacenter, out var link)
                ? new DatacenterHealth(datacenter.Value, link.IsUp, link.IsUp ? link.RoundTripTime?.TotalMilliseconds : null)
                : new(datacenter.Value, false, null))
            .ToArray();
        var own = links.Local.Value;
        return new(own, datacenters.Where(static d => d.IsUp).OrderBy(d => d.Name == own ? 0 : 1).FirstOrDefault()?.Name, datacenters);
    }
}

/// <summary>The way to one datacenter.</summary>
internal sealed record DatacenterHealth(string Name, bool IsUp, double? RoundTripMs);
