using MultiDc.Grains;

namespace MultiDc.Server.Replication;

/// <summary>How much the shard may hold. Looked at before a write is proposed, so what is refused never happened.</summary>
internal sealed partial class ReplicaGrain
{
    private string? DescribeOverQuota(WriteOperation operation)
    {
        if (policies.MaxShardBytesOf(address.Shard.Keyspace) is not { } max || pump is not { Status.Role: RaftRole.Leader } leader || !MayGrow(operation))
        {
            return null;
        }

        if (leader.StateBytes is not { } used)
        {
            // A new leader does not make everybody wait until it has counted.
            _ = leader.CountStateAsync();
            return null;
        }

        return used < max ? null : $"shard {address.Shard} holds {used} bytes of keys and values; its keyspace allows {max} in each. Delete some, or allow more";
    }

    // A value that is replaced by a smaller one would make room as well, but nobody knows before it is applied.
    private static bool MayGrow(WriteOperation operation) => operation switch
    {
        PutOperation or CompareAndSetOperation or AddOperation or AppendOperation or MaxOperation => true,
        BatchOperation batch => batch.Then.Concat(batch.Else).Any(MayGrow),
        _ => false,
    };
}
