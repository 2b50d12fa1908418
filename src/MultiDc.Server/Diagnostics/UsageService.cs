using MultiDc.Grains;
using MultiDc.Server.Placement;
using Orleans.Runtime.Services;
using Orleans.Services;

namespace MultiDc.Server.Diagnostics;

/// <summary>Tells the other silos of the cluster what this one's process has used.</summary>
[Alias("MultiDc.IUsageService")]
internal interface IUsageService : IGrainService
{
    [Alias("GetUsage")]
    Task<SiloUsage> GetUsageAsync();
}

/// <inheritdoc/>
internal sealed class UsageService(GrainId id, Silo silo, ILoggerFactory loggers, ProcessUsage usage, ILocalSiloDetails details)
    : GrainService(id, silo, loggers), IUsageService
{
    public Task<SiloUsage> GetUsageAsync() => Task.FromResult(usage.Now(details.Name));
}

/// <summary>Asks silos by address, as <see cref="ReplicaHomeClient"/> does.</summary>
internal sealed partial class UsageClient(IServiceProvider services, TimeProvider time, ILogger<UsageClient> logger) : GrainServiceClient<IUsageService>(services)
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Null when the silo does not answer.</summary>
    public async Task<SiloUsage?> GetUsageAsync(SiloPlace silo)
    {
        try
        {
            return await GetGrainService(silo.Address).GetUsageAsync().WaitAsync(CallTimeout, time);
        }
        catch (Exception exception)
        {
            LogNoAnswer(logger, silo.Name, exception.Message);
            return null;
        }
    }

    [LoggerMessage(1090, LogLevel.Debug, "Silo {Silo} did not say what it has used: {Reason}")]
    private static partial void LogNoAnswer(ILogger logger, string silo, string reason);
}
