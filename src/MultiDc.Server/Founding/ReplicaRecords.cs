using System.Text;
using MultiDc.Server.Replication;
using MultiDc.Storage;

namespace MultiDc.Server.Founding;

/// <summary>What a store has of a replica, from least to most.</summary>
internal enum ReplicaHolding
{
    /// <summary>Nothing, and it may not become the home: it is that of another replica of the shard.</summary>
    Apart = -1,

    /// <summary>Nothing.</summary>
    Nothing = 0,

    /// <summary>It asked to become the home; whether it will is not known here.</summary>
    Founding,

    /// <summary>The ring names it as the home; the other replicas have not all heard of it.</summary>
    Claimed,

    /// <summary>It is the home. One that came in the place of others has as much more as there were before it: see <see cref="ReplicaRecords.GetHoldingAsync(ReplicaAddress)"/>.</summary>
    Founded,
}

/// <summary>
/// The records that a silo's store keeps of replicas beside their logs, each written once. What changes is in
/// <see cref="Openings.OpeningJudge"/>.
/// </summary>
internal sealed class ReplicaRecords(IReplicaStore store)
{
    private const string AgreedRing = "ring-agreed";

    public Guid StoreId => store.Identity.StoreId;

    /// <summary>The descriptor of a replica that was founded on this store; null when none was.</summary>
    public async ValueTask<ShardDescriptor?> GetDescriptorAsync(ReplicaAddress replica) =>
        await store.GetRecordAsync($"founded/{replica}") is { } bytes ? ShardDescriptor.Deserialize(bytes.Span) : null;

    /// <summary>This store is the replica's home, for good.</summary>
    public async ValueTask SetFoundedAsync(ReplicaAddress replica, ShardDescriptor descriptor) =>
        await store.AddRecordAsync($"founded/{replica}", descriptor.Serialize());

    /// <summary>This store is about to ask the others to accept it as the replica's home.</summary>
    public async ValueTask SetFoundingAsync(ReplicaAddress replica) => await store.AddRecordAsync($"founding/{replica}", ReadOnlyMemory<byte>.Empty);

    /// <summary>The ring's shard names this store as the replica's home.</summary>
    public async ValueTask SetClaimedAsync(ReplicaAddress replica) => await store.AddRecordAsync($"claimed/{replica}", ReadOnlyMemory<byte>.Empty);

    /// <summary>Whether <see cref="SetClaimedAsync"/> was called.</summary>
    public async ValueTask<bool> IsClaimedAsync(ReplicaAddress replica) => await store.GetRecordAsync($"claimed/{replica}") is not null;

    /// <summary>This store's silo has seen a ring that somebody wrote, so the ring's shard has homes already.</summary>
    public async ValueTask SetRingSeenAsync() => await store.AddRecordAsync("ring-seen", ReadOnlyMemory<byte>.Empty);

    /// <summary>Whether <see cref="SetRingSeenAsync"/> was ever called over this store.</summary>
    public async ValueTask<bool> HasSeenRingAsync() => await store.GetRecordAsync("ring-seen") is not null;

    /// <summary>The ring's shard as this store agreed on it with another, of which one may have been founded so; null when it never did.</summary>
    public async ValueTask<ShardDescriptor?> GetAgreedRingAsync() =>
        await store.GetRecordAsync(AgreedRing) is { } bytes ? ShardDescriptor.Deserialize(bytes.Span) : null;

    /// <summary>Agrees with another store on the ring's shard, unless another agreement is remembered.</summary>
    /// <returns>The one that is remembered.</returns>
    public async ValueTask<ShardDescriptor> AgreeOnRingAsync(ShardDescriptor descriptor) =>
        ShardDescriptor.Deserialize((await store.AddRecordAsync(AgreedRing, descriptor.Serialize())).Span);

    /// <summary>
    /// What the store has of the replica. Of two homes the later one has more, so that a store that comes back after it was replaced, and does
    /// not know it yet, does not stand in the way.
    /// </summary>
    public async ValueTask<ReplicaHolding> GetHoldingAsync(ReplicaAddress replica) =>
        await GetReplacedByAsync(replica) is not null || await IsDroppedAsync(replica) ? ReplicaHolding.Nothing
        : await store.GetRecordAsync($"founded/{replica}") is not null ? ReplicaHolding.Founded + await GetGenerationAsync(replica)
        : await IsClaimedAsync(replica) ? ReplicaHolding.Claimed
        : await store.GetRecordAsync($"founding/{replica}") is not null ? ReplicaHolding.Founding
        : ReplicaHolding.Nothing;

    /// <summary>The same, where the shard has so many replicas in the datacenter: a store that is the home of one is of no other.</summary>
    public async ValueTask<ReplicaHolding> GetHoldingAsync(ReplicaAddress replica, int replicas) =>
        await GetHoldingAsync(replica) is var own && own < ReplicaHolding.Claimed && await FindOtherAsync(replica, replicas) is not null ? ReplicaHolding.Apart : own;

    /// <summary>Another replica of the same shard and datacenter whose home this store is; null when there is none.</summary>
    /// <param name="replica">The replica.</param>
    /// <param name="replicas">How many the shard has in the datacenter.</param>
    public async ValueTask<ReplicaAddress?> FindOtherAsync(ReplicaAddress replica, int replicas)
    {
        for (var ordinal = 1; ordinal <= replicas; ordinal++)
        {
            if (ordinal != replica.Ordinal && replica with { Ordinal = ordinal } is var other && await GetHoldingAsync(other) >= ReplicaHolding.Claimed)
            {
                return other;
            }
        }

        return null;
    }

    /// <summary>The store that this one remembers as the home of another replica; null when it never heard of one.</summary>
    public async ValueTask<Guid?> GetHomeAsync(GroupMember other) =>
        await store.GetRecordAsync($"home/{other}") is { } bytes ? new Guid(bytes.Span) : null;

    /// <summary>Remembers a home unless another is remembered already.</summary>
    /// <returns>The one that is remembered.</returns>
    public async ValueTask<Guid> RememberHomeAsync(GroupMember other, Guid storeId) =>
        new((await store.AddRecordAsync($"home/{other}", storeId.ToByteArray())).Span);

    /// <summary>This store becomes the replica's home in the place of another, as the ring says.</summary>
    public async ValueTask SetReplacementAsync(ReplicaAddress replica, ReplicaHome home) => await store.AddRecordAsync($"replacement/{replica}", home.Serialize());

    /// <summary>The Raft member that the replica is on this store.</summary>
    public async ValueTask<GroupMember> GetMemberAsync(ReplicaAddress replica) =>
        await GetGenerationAsync(replica) == 0 ? replica : new GroupMember(replica, GroupMembers.IdOf(replica.Place, StoreId));

    private async ValueTask<int> GetGenerationAsync(ReplicaAddress replica) =>
        await store.GetRecordAsync($"replacement/{replica}") is { } bytes ? ReplicaHome.Deserialize(bytes).Generation : 0;

    /// <summary>The store that has taken this one's place, for good; null when none has.</summary>
    public async ValueTask<Guid?> GetReplacedByAsync(ReplicaAddress replica) =>
        await store.GetRecordAsync($"replaced/{replica}") is { } bytes ? ReplicaHome.Deserialize(bytes).StoreId : null;

    /// <summary>The ring says that another store has taken this one's place.</summary>
    public async ValueTask SetReplacedAsync(ReplicaAddress replica, ReplicaHome home) => await store.AddRecordAsync($"replaced/{replica}", home.Serialize());

    /// <summary>The replica's keyspace was dropped: it is never opened, founded or spoken for again from this store.</summary>
    public async ValueTask SetDroppedAsync(ReplicaAddress replica) => await store.AddRecordAsync($"dropped/{replica}", ReadOnlyMemory<byte>.Empty);

    /// <summary>Whether <see cref="SetDroppedAsync"/> was ever called over this store.</summary>
    public async ValueTask<bool> IsDroppedAsync(ReplicaAddress replica) => await store.GetRecordAsync($"dropped/{replica}") is not null;

    /// <summary>Nothing is left of a replica whose keyspace was dropped.</summary>
    public async ValueTask SetErasedAsync(ReplicaAddress replica) => await store.AddRecordAsync($"erased/{replica}", ReadOnlyMemory<byte>.Empty);

    /// <summary>Whether <see cref="SetErasedAsync"/> was ever called over this store.</summary>
    public async ValueTask<bool> IsErasedAsync(ReplicaAddress replica) => await store.GetRecordAsync($"erased/{replica}") is not null;

    /// <summary>The ring knows this store by its silo.</summary>
    public async ValueTask SetRegisteredAsync() => await store.AddRecordAsync("registered", ReadOnlyMemory<byte>.Empty);

    /// <summary>Whether <see cref="SetRegisteredAsync"/> was ever called over this store.</summary>
    public async ValueTask<bool> IsRegisteredAsync() => await store.GetRecordAsync("registered") is not null;

    /// <summary>How it is known that a store, this one or another's, has forgotten what the replica said; null when it is not.</summary>
    public async ValueTask<string?> GetRolledBackAsync(GroupMember replica, Guid storeId) =>
        await store.GetRecordAsync(RolledBackKey(replica, storeId)) is { } bytes ? Encoding.UTF8.GetString(bytes.Span) : null;

    /// <summary>The replica must never again speak from this store.</summary>
    /// <returns>How that became known first.</returns>
    public async ValueTask<string> AddRolledBackAsync(GroupMember replica, Guid storeId, string detail) =>
        Encoding.UTF8.GetString((await store.AddRecordAsync(RolledBackKey(replica, storeId), Encoding.UTF8.GetBytes(detail))).Span);

    private static string RolledBackKey(GroupMember replica, Guid storeId) => $"rolled-back/{replica.Replica}/{storeId}";
}
