using Microsoft.Extensions.Hosting;
using MultiDc.Grains;
using MultiDc.Routing.Links;
using MultiDc.Server.Founding;
using MultiDc.Server.Ring;

namespace MultiDc.Server.Hosting;

/// <summary>Speaks to the datacenter's ring grain and ring replica now and then, so that both are awake without any caller; remembers that there is a ring.</summary>
internal sealed partial class RingWaker(
    IGrainFactory grains, IDatacenterLinks links, ReplicaRecords records, KeyspacePolicies policies, TimeProvider time, ILogger<RingWaker> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        var ringSeen = false;
        do
        {
            try
            {
                await grains.GetGrain<IReplicaGrain>(new ReplicaAddress(ShardId.Ring, links.Local).ToString()).GetStatusAsync().WaitAsync(Period, time, stoppingToken);
                var ring = await grains.GetGrain<IRingGrain>(links.Local.Value).GetSnapshotAsync(default).WaitAsync(Period, time, stoppingToken);
                if (ring is not null)
                {
                    policies.Learn(ring);
                }

                if (ring is not null && !ringSeen)
                {
                    // Not before a ring replica of this datacenter woke, which began its founding if it had none.
                    await records.SetRingSeenAsync();
                    ringSeen = true;
                }
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                LogNotWoken(logger, exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(1120, LogLevel.Debug, "The ring could not be woken: {Reason}")]
    private static partial void LogNotWoken(ILogger logger, string reason);
}
