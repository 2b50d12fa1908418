using System.Collections.Concurrent;
using MultiDc.Server.Ring;
using MultiDc.Storage;

namespace MultiDc.Server.Founding;

/// <summary>
/// Ends the replicas of dropped keyspaces in this silo's store: each is marked, durably and for good, then erased, which fences whoever has it open. A keyspace that takes the name
/// later has shards of other names, so nothing of the old ones, here or under way, can reach it.
/// </summary>
internal sealed partial class DroppedReplicas(IReplicaStore store, ReplicaRecords records, KeyspacePolicies policies, ILogger<DroppedReplicas> logger)
{
    // Whoever opens the replica next may have looked right before it was marked.
    private const int MaxAttempts = 3;

    private readonly ConcurrentDictionary<ReplicaAddress, Lazy<Task<bool>>> ending = [];

    /// <summary>Ends one replica. Callers that come together share the work.</summary>
    /// <returns>Whether it has ended and nothing is left of it; otherwise it is tried again.</returns>
    public async Task<bool> EndAsync(ReplicaAddress replica)
    {
        var work = ending.GetOrAdd(replica, replica => new(() => EndAloneAsync(replica)));
        try
        {
            return await work.Value;
        }
        finally
        {
            ending.TryRemove(new(replica, work));
        }
    }

    private async Task<bool> EndAloneAsync(ReplicaAddress replica)
    {
        try
        {
            if (await records.IsErasedAsync(replica))
            {
                return true;
            }

            await records.SetDroppedAsync(replica);
            await EraseAsync(replica);
            await records.SetErasedAsync(replica);
            LogErased(logger, replica);
            return true;
        }
        catch (Exception exception) when (exception is FencedException or StoreFullException or StoreUnavailableException or StoreCorruptedException)
        {
            LogNotErased(logger, replica, exception.Message);
            return false;
        }
    }

    private async Task EraseAsync(ReplicaAddress replica)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await store.EraseAsync(new(replica.ToString()));
                return;
            }
            catch (FencedException) when (attempt < MaxAttempts)
            {
            }
        }
    }

    /// <summary>Ends all replicas in the store whose keyspaces were dropped, as this silo knows it.</summary>
    /// <returns>Whether nothing of any is left.</returns>
    public async Task<bool> SweepAsync(CancellationToken cancellationToken)
    {
        var ring = policies.Ring;
        var isDone = true;
        foreach (var name in await store.ListReplicasAsync(cancellationToken))
        {
            if (ReplicaAddress.TryParse(name.Value, out var replica) && ring.HasDropped(replica.Shard.Keyspace))
            {
                isDone &= await EndAsync(replica);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }

        return isDone;
    }

    [LoggerMessage(1043, LogLevel.Information, "Replica {Replica}: its keyspace was dropped, and its data are erased")]
    private static partial void LogErased(ILogger logger, ReplicaAddress replica);

    [LoggerMessage(1044, LogLevel.Warning, "Replica {Replica}: its keyspace was dropped, but its data are not erased yet: {Reason}")]
    private static partial void LogNotErased(ILogger logger, ReplicaAddress replica, string reason);
}
