using Microsoft.Extensions.Hosting;
using MultiDc.Routing.Links;

namespace MultiDc.Server.Transport;

/// <summary>
/// Tells this silo's replicas when every connection to a datacenter was closed. A killed process closes its connections at once, long before an
/// election timeout notices its silence; a silent group (see <see cref="RaftNode.IsQuiesced"/>) would not notice at all.
/// </summary>
internal sealed partial class LostDatacenters(IDatacenterLinks links, LocalReplicas locals, ILogger<LostDatacenters> logger) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var datacenter in links.Datacenters)
        {
            if (links.TryGetLink(datacenter, out var link))
            {
                link.Severed += () => Miss(datacenter);
            }
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void Miss(DatacenterId datacenter)
    {
        LogSevered(logger, datacenter);
        locals.Miss(datacenter);
    }

    [LoggerMessage(1022, LogLevel.Warning, "Datacenter {Datacenter} has closed its connections")]
    private static partial void LogSevered(ILogger logger, DatacenterId datacenter);
}
