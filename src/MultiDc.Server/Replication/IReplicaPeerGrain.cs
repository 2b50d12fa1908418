using System.Collections.Immutable;
using MultiDc.Server.Openings;
using MultiDc.Server.Replacements;
using MultiDc.Server.Trust;
using Orleans.Concurrency;

namespace MultiDc.Server.Replication;

/// <summary>
/// A replica as the other replicas of its group see it. The same grain, and key, as <see cref="Grains.IReplicaGrain"/>. Every method throws
/// <see cref="UnauthorizedAccessException"/>, or drops what came, when the caller is no silo of this system.
/// </summary>
[Alias("MultiDc.IReplicaPeerGrain")]
internal interface IReplicaPeerGrain : IGrainWithStringKey
{
    /// <summary>Delivers Raft messages, or not: nobody is told.</summary>
    [OneWay, AlwaysInterleave, Alias("Deliver")]
    Task DeliverAsync(ReplicaFrame frame, SiloCredential credential);

    /// <summary>Delivers a part of a snapshot.</summary>
    [AlwaysInterleave, Alias("DeliverChunk")]
    Task<SnapshotChunkReply> DeliverChunkAsync(SnapshotChunk chunk, SiloCredential credential);

    /// <summary>How far the log is applied here, if this replica leads and a majority says so after the call came (dissertation §6.4).</summary>
    /// <param name="timeout">How long it may take.</param>
    /// <param name="credential">Whose silo asks.</param>
    /// <returns>The index; null: this replica does not lead, or cannot tell.</returns>
    [AlwaysInterleave, Alias("GetReadIndex")]
    Task<ulong?> GetReadIndexAsync(TimeSpan timeout, SiloCredential credential);

    /// <summary>How long the leases of the shard live on by this replica's clock, whether or not it leads. Fails while the replica is not running.</summary>
    [AlwaysInterleave, Alias("GetRemainingLeases")]
    Task<ImmutableArray<RemainingLease>> GetRemainingLeasesAsync(SiloCredential credential);

    /// <summary>
    /// A replica that is about to be founded says which store it is on. The answer is durable: the first store named for a replica stays
    /// its home, see <see cref="Founding.ReplicaFounder"/>. <paramref name="witnesses"/> are the group's as the caller knows them, <paramref name="ordinal"/> says which of
    /// its datacenter's replicas it is; 0: the first.
    /// </summary>
    [AlwaysInterleave, Alias("Introduce")]
    Task<IntroductionReply> IntroduceAsync(DatacenterId from, Guid storeId, ImmutableArray<DatacenterId> witnesses, SiloCredential credential, int ordinal);

    /// <summary>
    /// A replica that was opened says what its store has, before it takes part. Answered by every store that is a home, whether or not its
    /// own opening takes part yet, so that a whole system can start at once. See <see cref="OpeningJudge"/>.
    /// </summary>
    [AlwaysInterleave, Alias("Present")]
    Task<PresentationReply> PresentAsync(DatacenterId from, Presentation presentation, SiloCredential credential);

    /// <summary>A store that the ring has made the home of a replica, in the place of one that is gone, asks for the next step into the group, as a witness or none. For the ordinal see <see cref="IntroduceAsync"/>.</summary>
    [AlwaysInterleave, Alias("Join")]
    Task<JoinReply> JoinAsync(DatacenterId from, Guid storeId, bool isWitness, SiloCredential credential, int ordinal);

    /// <summary>Ends the replica for good, if its keyspace was dropped: it answers nobody any more, and its data are gone from the store.</summary>
    /// <returns>Whether it has ended, durably. False also when another store than this silo's is its home.</returns>
    [AlwaysInterleave, Alias("EndIfDropped")]
    Task<bool> EndIfDroppedAsync(SiloCredential credential);
}

/// <summary>The answer to an introduction.</summary>
/// <param name="StoreId">The answering replica's own store.</param>
/// <param name="HomeOfCaller">The store it remembers, from now on at the latest, as the caller's home.</param>
/// <param name="OtherWitnesses">The witnesses that the answering replica knows, when they are not the caller's and its store is not remembered; otherwise null.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.IntroductionReply")]
internal sealed record IntroductionReply([property: Id(0)] Guid StoreId, [property: Id(1)] Guid HomeOfCaller, [property: Id(2)] ImmutableArray<DatacenterId>? OtherWitnesses);
