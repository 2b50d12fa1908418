using MultiDc.Server.Founding;
using Orleans.Runtime.Services;
using Orleans.Services;

namespace MultiDc.Server.Placement;

/// <summary>Tells the other silos of the cluster which replicas this silo's store holds.</summary>
[Alias("MultiDc.IReplicaHomeService")]
internal interface IReplicaHomeService : IGrainService
{
    /// <summary>Whether the store holds the replica, or began to.</summary>
    [Alias("Holds")]
    Task<bool> HoldsAsync(string replica);
}

/// <inheritdoc/>
internal sealed class ReplicaHomeService(GrainId id, Silo silo, ILoggerFactory loggers, ReplicaRecords records)
    : GrainService(id, silo, loggers), IReplicaHomeService
{
    public async Task<bool> HoldsAsync(string replica) => ReplicaAddress.TryParse(replica, out var address) && await records.HoldsAsync(address);
}

/// <summary>Which silos hold a replica.</summary>
internal interface IReplicaHomes
{
    /// <summary>Which of the silos hold the replica; a silo that does not answer counts as one that does not.</summary>
    Task<IReadOnlyList<SiloPlace>> HoldersAsync(IReadOnlyList<SiloPlace> silos, string replica);
}

/// <summary>Asks silos by address: no directory and no placement are involved, so a director may use it.</summary>
internal sealed partial class ReplicaHomeClient(IServiceProvider services, TimeProvider time, ILogger<ReplicaHomeClient> logger)
    : GrainServiceClient<IReplicaHomeService>(services), IReplicaHomes
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(1);

    public async Task<IReadOnlyList<SiloPlace>> HoldersAsync(IReadOnlyList<SiloPlace> silos, string replica)
    {
        var answers = await Task.WhenAll(silos.Select(silo => HoldsAsync(silo, replica)));
        return [.. silos.Where((_, i) => answers[i])];
    }

    private async Task<bool> HoldsAsync(SiloPlace silo, string replica)
    {
        try
        {
            return await GetGrainService(silo.Address).HoldsAsync(replica).WaitAsync(CallTimeout, time);
        }
        catch (Exception exception)
        {
            LogNoAnswer(logger, silo.Name, replica, exception.Message);
            return false;
        }
    }

    [LoggerMessage(1080, LogLevel.Debug, "Silo {Silo} did not say whether it holds replica {Replica}: {Reason}")]
    private static partial void LogNoAnswer(ILogger logger, string silo, string replica, string reason);
}
