using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using MultiDc.Routing.Links;
using MultiDc.Server.Founding;
using MultiDc.Server.Transport;
using MultiDc.Server.Trust;

namespace MultiDc.Server.Hosting;

/// <summary>
/// Tells the ring which store this silo has, so that a new one under the silo's name is known to come after the loss of this one; and whether that
/// store is the home of the ring's own replica, which could not be claimed before there was a ring.
/// </summary>
internal sealed partial class StoreRegistrar(
    IGrainFactory grains, IDatacenterLinks links, ILocalSiloDetails silo, ReplicaRecords records, LocalReplicas locals, SiloGate gate,
    IOptions<MultiDcOptions> options, TimeProvider time, ILogger<StoreRegistrar> logger)
    : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(15);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.ReplaceLostStores)
        {
            return;
        }

        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                if (await RegisterAsync(stoppingToken))
                {
                    return;
                }
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                LogNotRegistered(logger, exception.Message);
            }
        }
    }

    private async Task<bool> RegisterAsync(CancellationToken stoppingToken)
    {
        var register = grains.GetGrain<IHomeRegisterGrain>(links.Local.Value);
        var isNew = !await records.IsRegisteredAsync();
        if (!await register.RegisterStoreAsync(silo.Name, records.StoreId, isNew, gate.Own).WaitAsync(CallTimeout, time, stoppingToken))
        {
            return false;
        }

        if (isNew)
        {
            await records.SetRegisteredAsync();
            LogRegistered(logger, records.StoreId, silo.Name);
        }

        var ring = new ReplicaAddress(ShardId.Ring, links.Local);
        return await (locals.Contains(ring)
            ? register.ClaimAsync(ring.ToString(), records.StoreId, mayFound: true, gate.Own, [])
            : register.GetHomeAsync(ring.ToString(), gate.Own)).WaitAsync(CallTimeout, time, stoppingToken) is not null;
    }

    [LoggerMessage(1121, LogLevel.Information, "Store {StoreId} is registered as that of silo {Silo}")]
    private static partial void LogRegistered(ILogger logger, Guid storeId, string silo);

    [LoggerMessage(1122, LogLevel.Debug, "The store could not be registered: {Reason}")]
    private static partial void LogNotRegistered(ILogger logger, string reason);
}
