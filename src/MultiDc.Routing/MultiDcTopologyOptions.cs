using MultiDc.Routing.Links;

namespace MultiDc.Routing;

/// <summary>Where the datacenters are and which one this process is in. Shared by silos and clients.</summary>
public class MultiDcTopologyOptions
{
    /// <summary>The name of the whole system, over all datacenters. A store of another system is refused. Default: <c>multidc</c>.</summary>
    public string ClusterId { get; set; } = "multidc";

    /// <summary>The datacenter this process is in; must be one of <see cref="Datacenters"/>. No default.</summary>
    public string Datacenter { get; set; } = "";

    /// <summary>
    /// All datacenters, the same in every process; an odd number, three or more, survives the loss of one. Of three, one may be a
    /// <see cref="DatacenterOptions.Witness"/>. No default.
    /// </summary>
    public IList<DatacenterOptions> Datacenters { get; init; } = [];

    /// <summary>How the links to the other datacenters are watched.</summary>
    public LinkOptions Links { get; init; } = new();
}

/// <summary>One datacenter.</summary>
public sealed class DatacenterOptions
{
    /// <summary>Its name; see <see cref="Names"/>. No default.</summary>
    public string Name { get; set; } = "";

    /// <summary>
    /// The gateways of its own Orleans cluster as <c>host:port</c>, under the addresses that its silos name as their own: Orleans does not reach a
    /// gateway through translated addresses. Empty (the default): its silos are members of this process's own Orleans
    /// cluster and are reached by grain calls within it.
    /// </summary>
    public IList<string> Gateways { get; init; } = [];

    /// <summary>
    /// Whether it is a witness: its replicas vote and log the ids of entries, and hold no data; no shard is led there. Silos of all datacenters must
    /// agree, and the choice is for good: what was founded otherwise is refused. Clients need not set it. Default: false.
    /// </summary>
    public bool Witness { get; set; }

    /// <summary>The Orleans <c>ClusterId</c> of its cluster. Default: the datacenter's name.</summary>
    public string? OrleansClusterId { get; set; }

    /// <summary>The Orleans <c>ServiceId</c> of its cluster. Default: <see cref="MultiDcTopologyOptions.ClusterId"/>.</summary>
    public string? OrleansServiceId { get; set; }
}
