using MultiDc.Wan.Links;

namespace MultiDc.Wan.Control;

/// <summary>Does what a request asks, wholly or not at all.</summary>
internal static class ControlDesk
{
    private const string Everyone = "*";

    public static ControlReply Answer(ControlRequest request, WanNetwork network)
    {
        var error = Try(request, network);
        return new()
        {
            Version = ControlRequest.CurrentVersion,
            Error = error,
            StrayPackets = network.StrayPackets,
            Links = [.. network.Links.Select(static link => new LinkState
            {
                From = link.From, To = link.To, Rules = link.Rules, QueuedPackets = link.QueuedPackets, Counters = link.Counters,
            })],
        };
    }

    private static string? Try(ControlRequest request, WanNetwork network)
    {
        if (request.Version != ControlRequest.CurrentVersion)
        {
            return $"version {request.Version} is not {ControlRequest.CurrentVersion}";
        }

        var chosen = new HashSet<WanLink>();
        foreach (var direction in request.Links ?? [$"{Everyone}:{Everyone}"])
        {
            if (Choose(direction, network, chosen) is { } problem)
            {
                return problem;
            }
        }

        switch (request.Command)
        {
            case ControlRequest.State:
                return null;
            case ControlRequest.Heal:
                foreach (var link in chosen)
                {
                    link.Heal();
                }

                return null;
            case ControlRequest.Set when request.Rules is { } change:
                var problems = chosen.SelectMany(link => change.ApplyTo(link.Rules).Problems()).Distinct().ToArray();
                if (problems.Length > 0)
                {
                    return string.Join("; ", problems);
                }

                foreach (var link in chosen)
                {
                    link.Change(change);
                }

                return null;
            case ControlRequest.Set:
                return "set needs rules";
            default:
                return $"'{request.Command}' is no command; there are {ControlRequest.State}, {ControlRequest.Set} and {ControlRequest.Heal}";
        }
    }

    private static string? Choose(string direction, WanNetwork network, HashSet<WanLink> chosen)
    {
        if (direction.Split(':') is not [var from, var to])
        {
            return $"'{direction}' is no direction: from:to";
        }

        var names = network.Datacenters.Select(static d => d.Name).ToArray();
        foreach (var name in new[] { from, to })
        {
            if (name != Everyone && !names.Contains(name))
            {
                return $"there is no datacenter '{name}'; there are {string.Join(", ", names)}";
            }
        }

        var before = chosen.Count;
        chosen.UnionWith(network.Links.Where(link => (from == Everyone || from == link.From) && (to == Everyone || to == link.To)));
        return from == to && from != Everyone && chosen.Count == before ? $"'{direction}' is no link: both ends are {from}" : null;
    }
}
