using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Routing.Links;
using MultiDc.Server.Replication;
using MultiDc.Storage;

namespace MultiDc.Server.Founding;

/// <summary>How an attempt to open a replica ended.</summary>
internal abstract record FoundingResult;

/// <summary>The replica is open.</summary>
internal sealed record Opened(IReplicaStorage Storage, ShardDescriptor Descriptor) : FoundingResult;

/// <summary>Not yet: ask again soon.</summary>
internal sealed record NotYet(string Detail) : FoundingResult;

/// <summary>The replica's home is another store. This one must never vote in its name.</summary>
internal sealed record Refused(string Detail) : FoundingResult;

/// <summary>
/// Opens replicas, and decides which store may found one. A replica that votes, forgets and votes again breaks Raft, and an actor that is
/// activated over an empty store has forgotten everything. So a replica has one home: before it is founded it introduces its store to the
/// other replicas of its group, each of which remembers, durably and for good, the first store it is told of; it is founded once a
/// majority of <em>the others</em> remember this very store. Two stores cannot both get there, because two such majorities share a member,
/// which remembers one of them; hence a wiped or other store in the same datacenter is refused, and its group goes on without it. All
/// others must therefore be up when a group of three is founded, but never again.
/// </summary>
internal sealed partial class ReplicaFounder(
    IReplicaStore store, ReplicaRecords records, IDatacenterLinks links, IGrainFactory grains, TimeProvider time, ILogger<ReplicaFounder> logger)
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Opens the replica if this store is its home or can become it.</summary>
    public async Task<FoundingResult> TryOpenAsync(ReplicaAddress replica)
    {
        var descriptor = await records.GetDescriptorAsync(replica);
        if (descriptor is null)
        {
            var (found, problem) = await DescribeAsync(replica.Shard);
            if (found is null)
            {
                return problem;
            }

            if (!found.Datacenters.Contains(replica.Datacenter))
            {
                return new NotYet($"keyspace '{replica.Shard.Keyspace}' has no replicas in datacenter {replica.Datacenter}");
            }

            await records.SetFoundingAsync(replica);
            if (await IntroduceAsync(replica, found) is { } notFounded)
            {
                return notFounded;
            }

            await records.SetFoundedAsync(replica, found);
            LogFounded(logger, replica, records.StoreId);
            descriptor = found;
        }

        // Creating is safe here even if the store crashed after the record: the replica cannot have spoken before it was created.
        var opened = await store.OpenAsync(new(replica.ToString()), new(new GroupMembers(descriptor.Datacenters).Configuration));
        return new Opened(opened!, descriptor);
    }

    private async Task<(ShardDescriptor? Descriptor, FoundingResult Problem)> DescribeAsync(ShardId shard)
    {
        if (shard == ShardId.Ring)
        {
            return (new(HashRange.Full, [.. links.Datacenters.Order()]), null!);
        }

        RingSnapshot? ring;
        try
        {
            ring = await grains.GetGrain<IRingGrain>(links.Local.Value).GetSnapshotAsync(default).WaitAsync(CallTimeout, time);
        }
        catch (Exception exception)
        {
            return (null, new NotYet($"the ring does not answer: {exception.Message}"));
        }

        if (ring is null)
        {
            return (null, new NotYet("the ring is not known yet"));
        }

        return !ring.TryGetKeyspace(shard.Keyspace, out var keyspace) ? (null, new NotYet($"there is no keyspace '{shard.Keyspace}'"))
            : shard.Number >= keyspace.ShardCount ? (null, new NotYet($"keyspace '{shard.Keyspace}' has {keyspace.ShardCount} shards"))
            : (new(HashRange.OfShard(shard.Number, keyspace.ShardCount), keyspace.Datacenters), null!);
    }

    private async Task<FoundingResult?> IntroduceAsync(ReplicaAddress replica, ShardDescriptor descriptor)
    {
        var others = descriptor.Datacenters.Where(d => d != replica.Datacenter).ToArray();
        if (others.Length == 0)
        {
            return null;
        }

        var answers = await Task.WhenAll(others.Select(other => IntroduceAsync(replica, other)));
        if (answers.FirstOrDefault(a => a is not null && a.HomeOfCaller != records.StoreId) is { } refusal)
        {
            return new Refused(
                $"the home of replica {replica} is store {refusal.HomeOfCaller}, this is store {records.StoreId}: "
                + "it must not vote in its name. Bring the store back, or replace the replica");
        }

        var remembering = answers.Count(a => a is not null);
        return remembering > others.Length / 2
            ? null
            : new NotYet($"{remembering} of {others.Length} other replicas know this store as the home of {replica}; {(others.Length / 2) + 1} are needed");
    }

    // Null: no answer, or one from a store that is not the home of the replica asked, whose word does not count.
    private async Task<IntroductionReply?> IntroduceAsync(ReplicaAddress replica, DatacenterId other)
    {
        var peerAddress = new ReplicaAddress(replica.Shard, other);
        if (!links.TryGetLink(other, out var link) || !link.TryGetGrain<IReplicaPeerGrain>(peerAddress.ToString(), out var peer))
        {
            return null;
        }

        try
        {
            var reply = await peer.IntroduceAsync(replica.Datacenter, records.StoreId).WaitAsync(CallTimeout, time);
            return await records.RememberHomeAsync(peerAddress, reply.StoreId) == reply.StoreId ? reply : null;
        }
        catch (Exception exception)
        {
            LogNoAnswer(logger, replica, other, exception.Message);
            return null;
        }
    }

    [LoggerMessage(1040, LogLevel.Information, "Replica {Replica} is founded on store {StoreId}")]
    private static partial void LogFounded(ILogger logger, ReplicaAddress replica, Guid storeId);

    [LoggerMessage(1041, LogLevel.Debug, "Replica {Replica}: no answer from datacenter {Datacenter} to its introduction: {Reason}")]
    private static partial void LogNoAnswer(ILogger logger, ReplicaAddress replica, DatacenterId datacenter, string reason);
}
