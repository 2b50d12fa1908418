using System.Globalization;
using System.Net;

namespace MultiDc.Routing;

/// <summary>Says what is wrong with a topology, in sentences an operator can act on.</summary>
public static class TopologyValidation
{
    /// <summary>All problems; none when the topology can be used.</summary>
    public static IEnumerable<string> Problems(MultiDcTopologyOptions options)
    {
        if (string.IsNullOrWhiteSpace(options.ClusterId))
        {
            yield return "ClusterId is empty: name the system";
        }

        foreach (var problem in options.Links.Problems())
        {
            yield return problem;
        }

        if (options.Datacenters.Count == 0)
        {
            yield return "Datacenters is empty: list every datacenter of the system";
            yield break;
        }

        foreach (var datacenter in options.Datacenters)
        {
            if (!Names.IsDatacenter(datacenter.Name))
            {
                yield return $"'{datacenter.Name}' is no datacenter name: {Names.Rule}";
            }

            foreach (var gateway in datacenter.Gateways.Where(static g => !TryParseGateway(g, out _, out _)))
            {
                yield return $"datacenter '{datacenter.Name}': gateway '{gateway}' is not of the form host:port";
            }
        }

        foreach (var twice in options.Datacenters.GroupBy(static d => d.Name).Where(static g => g.Count() > 1))
        {
            yield return $"datacenter '{twice.Key}' is listed {twice.Count()} times";
        }

        var witnesses = options.Datacenters.Where(static d => d.Witness).Select(static d => $"'{d.Name}'").ToArray();
        var full = options.Datacenters.Count - witnesses.Length;
        if (witnesses.Length > 0 && (full < 2 || witnesses.Length >= full))
        {
            yield return $"Datacenters: {string.Join(", ", witnesses)} {(witnesses.Length == 1 ? "is a witness" : "are witnesses")} and {full} hold data: at least two must, and more than there are witnesses";
        }

        if (options.Datacenters.All(d => d.Name != options.Datacenter))
        {
            yield return $"Datacenter '{options.Datacenter}' is not one of {string.Join(", ", options.Datacenters.Select(static d => $"'{d.Name}'"))}";
        }
    }

    /// <summary>Takes <c>host:port</c> or <c>[v6]:port</c> apart.</summary>
    public static bool TryParseGateway(string text, out string host, out int port)
    {
        host = "";
        port = 0;
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, null, out port) || port is < 1 or > IPEndPoint.MaxPort)
        {
            return false;
        }

        host = text[..colon].Trim('[', ']');
        return host.Length > 0 && Uri.CheckHostName(host) != UriHostNameType.Unknown;
    }
}
