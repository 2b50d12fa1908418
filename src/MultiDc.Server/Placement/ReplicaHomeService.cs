using MultiDc.Server.Founding;
using MultiDc.Server.Ring;
using Orleans.Runtime.Services;
using Orleans.Services;

namespace MultiDc.Server.Placement;

/// <summary>Tells the other silos of the cluster which replicas this silo's store holds.</summary>
[Alias("MultiDc.IReplicaHomeService")]
internal interface IReplicaHomeService : IGrainService
{
    /// <summary>What the store has of the replica.</summary>
    [Alias("GetHolding")]
    Task<ReplicaHolding> GetHoldingAsync(string replica);

    /// <summary>Which store the silo has.</summary>
    [Alias("GetStore")]
    Task<Guid> GetStoreAsync();
}

/// <inheritdoc/>
internal sealed class ReplicaHomeService(GrainId id, Silo silo, ILoggerFactory loggers, ReplicaRecords records, KeyspacePolicies policies)
    : GrainService(id, silo, loggers), IReplicaHomeService
{
    public async Task<ReplicaHolding> GetHoldingAsync(string replica) =>
        ReplicaAddress.TryParse(replica, out var address) ? await records.GetHoldingAsync(address, policies.ReplicasIn(address.Shard.Keyspace, address.Datacenter)) : ReplicaHolding.Nothing;

    public Task<Guid> GetStoreAsync() => Task.FromResult(records.StoreId);
}

/// <summary>Which silos hold a replica.</summary>
internal interface IReplicaHomes
{
    /// <summary>
    /// Those of the silos whose stores have most of the replica, and what they have. A silo may have begun to found it in vain while the home
    /// was away, and must not stand beside the home when that is back. A silo that does not answer counts as one that has nothing; when all
    /// have nothing, all are named, but for those that are home to another replica of the shard.
    /// </summary>
    Task<(IReadOnlyList<SiloPlace> Silos, ReplicaHolding Holding)> HoldersAsync(IReadOnlyList<SiloPlace> silos, string replica);
}

/// <summary>Which silos have which stores.</summary>
internal interface ISiloStores
{
    /// <summary>
    /// Whether one of the silos may have the store. A silo that does not answer may, unless it has the name of the silo that asks: that is an
    /// earlier process of it, which has ended.
    /// </summary>
    Task<bool> MayHaveAsync(IReadOnlyList<SiloPlace> silos, Guid storeId, string asking);
}

/// <summary>Asks silos by address: no directory and no placement are involved, so a director may use it.</summary>
internal sealed partial class ReplicaHomeClient(IServiceProvider services, TimeProvider time, ILogger<ReplicaHomeClient> logger)
    : GrainServiceClient<IReplicaHomeService>(services), IReplicaHomes, ISiloStores
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(1);

    public async Task<(IReadOnlyList<SiloPlace> Silos, ReplicaHolding Holding)> HoldersAsync(IReadOnlyList<SiloPlace> silos, string replica)
    {
        var holdings = await Task.WhenAll(silos.Select(silo => GetHoldingAsync(silo, replica)));
        var most = holdings.Max();
        return ([.. silos.Where((_, i) => holdings[i] == most)], most);
    }

    public async Task<bool> MayHaveAsync(IReadOnlyList<SiloPlace> silos, Guid storeId, string asking) =>
        (await Task.WhenAll(silos.Select(silo => MayHaveAsync(silo, storeId, asking)))).Contains(true);

    private async Task<bool> MayHaveAsync(SiloPlace silo, Guid storeId, string asking)
    {
        try
        {
            return await GetGrainService(silo.Address).GetStoreAsync().WaitAsync(CallTimeout, time) == storeId;
        }
        catch (Exception exception)
        {
            LogNoStore(logger, silo.Name, exception.Message);
            return silo.Name != asking;
        }
    }

    private async Task<ReplicaHolding> GetHoldingAsync(SiloPlace silo, string replica)
    {
        try
        {
            return await GetGrainService(silo.Address).GetHoldingAsync(replica).WaitAsync(CallTimeout, time);
        }
        catch (Exception exception)
        {
            LogNoAnswer(logger, silo.Name, replica, exception.Message);
            return ReplicaHolding.Nothing;
        }
    }

    [LoggerMessage(1081, LogLevel.Debug, "Silo {Silo} did not say which store it has: {Reason}")]
    private static partial void LogNoStore(ILogger logger, string silo, string reason);

    [LoggerMessage(1080, LogLevel.Debug, "Silo {Silo} did not say whether it holds replica {Replica}: {Reason}")]
    private static partial void LogNoAnswer(ILogger logger, string silo, string replica, string reason);
}
