using Orleans.Concurrency;

namespace MultiDc.Grains;

/// <summary>
/// One replica of one shard, as clients see it. The key is a <see cref="ReplicaAddress"/>. Only the leader serves, but for stale reads and watches; the others reject
/// with <see cref="RejectionReason.NotLeader"/> and a hint. What cannot be served is answered, within the request's timeout and not thrown; exceptions are Orleans' own, when the silo or the connection is lost, and say nothing of what
/// became of a write. <c>IMultiDcClient</c> deals with all that; call this only to build such a client.
/// </summary>
[Alias("MultiDc.IReplicaGrain")]
public interface IReplicaGrain : IGrainWithStringKey
{
    /// <summary>Opens a session for writes, which lasts until it is the least recently used of too many.</summary>
    [AlwaysInterleave, Alias("OpenSession")]
    Task<OpenSessionReply> OpenSessionAsync(OpenSessionRequest request);

    /// <summary>Writes, once however often the request is repeated with its session and sequence. <see cref="RejectionReason.SessionExpired"/>: the session is gone, and it was not written by this request.</summary>
    [AlwaysInterleave, Alias("Write")]
    Task<WriteResult> WriteAsync(WriteRequest request);

    /// <summary>Writes as if each had been asked for by itself, in this order; answers when all are decided, or no more time is left for any. None depends on what becomes of the others.</summary>
    [AlwaysInterleave, Alias("WriteMany")]
    Task<WriteManyReply> WriteManyAsync(WriteManyRequest request);

    /// <summary>Reads one key, linearizably.</summary>
    [AlwaysInterleave, Alias("Read")]
    Task<ReadResult> ReadAsync(ReadRequest request);

    /// <summary>Reads some keys, each linearizably; answers at once for all, or for as many of the first ones as make a large reply, and for one at least. Two of them may be read at different revisions.</summary>
    [AlwaysInterleave, Alias("ReadMany")]
    Task<ReadManyReply> ReadManyAsync(ReadManyRequest request);

    /// <summary>Reads one key from this replica's own state, whether or not it leads; <see cref="RejectionReason.TooStale"/> when it cannot prove that this is as new as it must be.</summary>
    [AlwaysInterleave, Alias("ReadStale")]
    Task<ReadResult> ReadStaleAsync(StaleReadRequest request);

    /// <summary>Reads one key from this replica's own state, if that is not older than a revision; waits for it otherwise, and answers <see cref="RejectionReason.TooStale"/> when it does not come in time.</summary>
    [AlwaysInterleave, Alias("ReadAtLeast")]
    Task<ReadResult> ReadAtLeastAsync(ReadAtLeastRequest request);

    /// <summary>Reads one key, linearizably, from this replica's own state, after it has asked the leader how far the log is committed.</summary>
    [AlwaysInterleave, Alias("ReadByFollower")]
    Task<ReadResult> ReadByFollowerAsync(ReadRequest request);

    /// <summary>Reads a page of the shard's keys in key order; the page is one linearizable read.</summary>
    [AlwaysInterleave, Alias("Scan")]
    Task<ScanReply> ScanAsync(ScanRequest request);

    /// <summary>Reads a lease of the shard, linearizably.</summary>
    [AlwaysInterleave, Alias("ReadLease")]
    Task<LeaseReply> ReadLeaseAsync(LeaseReadRequest request);

    /// <summary>Tells what has changed since a revision, whether or not this replica leads; waits a while when nothing has. Nothing is left out and nothing told twice, whichever replicas are asked in turn.</summary>
    [AlwaysInterleave, Alias("Watch")]
    Task<WatchReply> WatchAsync(WatchRequest request);

    /// <summary>What the replica is doing, from itself, without asking others.</summary>
    [AlwaysInterleave, Alias("GetStatus")]
    Task<ReplicaStatus> GetStatusAsync();

    /// <summary>Asks the leader to hand its leadership to the replica in another datacenter (dissertation §3.10).</summary>
    /// <returns>Whether this replica led and began the transfer.</returns>
    [AlwaysInterleave, Alias("TransferLeadership")]
    Task<bool> TransferLeadershipAsync(DatacenterId to);
}

/// <summary>Opens a session.</summary>
/// <param name="Timeout">How long the replica may try.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.OpenSessionRequest")]
public sealed record OpenSessionRequest([property: Id(0)] TimeSpan Timeout);

/// <summary>The new session, or why there is none.</summary>
/// <param name="Session">The session; null when the outcome is not <see cref="Applied"/>.</param>
/// <param name="Outcome">What happened. An unknown outcome leaves at worst an unused session, which expires.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.OpenSessionReply")]
public sealed record OpenSessionReply([property: Id(0)] SessionId? Session, [property: Id(1)] WriteResult Outcome);

/// <summary>A write.</summary>
/// <param name="Session">An open session of this shard.</param>
/// <param name="Sequence">The write's number in the session.</param>
/// <param name="Operation">What to do.</param>
/// <param name="Timeout">How long the replica may try before it answers <see cref="Unknown"/>.</param>
[GenerateSerializer, Immutable, SuppressReferenceTracking, Alias("MultiDc.WriteRequest")]
public sealed record WriteRequest(
    [property: Id(0)] SessionId Session, [property: Id(1)] SessionSequence Sequence, [property: Id(2)] WriteOperation Operation, [property: Id(3)] TimeSpan Timeout);

/// <summary>Writes of one or more callers, in order.</summary>
/// <param name="Writes">The writes.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.WriteManyRequest")]
public sealed record WriteManyRequest([property: Id(0)] WriteRequest[] Writes);

/// <summary>What became of writes.</summary>
/// <param name="Results">In the order of the writes.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.WriteManyReply")]
public sealed record WriteManyReply([property: Id(0)] WriteResult[] Results);

/// <summary>Reads of one or more callers.</summary>
/// <param name="Reads">The reads.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.ReadManyRequest")]
public sealed record ReadManyRequest([property: Id(0)] ReadRequest[] Reads);

/// <summary>What was read.</summary>
/// <param name="Results">Of the first reads, in their order; what is left out was not read.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.ReadManyReply")]
public sealed record ReadManyReply([property: Id(0)] ReadResult[] Results);

/// <summary>A read.</summary>
/// <param name="Key">The key.</param>
/// <param name="Timeout">How long the replica may try.</param>
[GenerateSerializer, Immutable, SuppressReferenceTracking, Alias("MultiDc.ReadRequest")]
public sealed record ReadRequest([property: Id(0)] ReadOnlyMemory<byte> Key, [property: Id(1)] TimeSpan Timeout);

/// <summary>A read of a replica's own state.</summary>
/// <param name="Key">The key.</param>
/// <param name="MaxStaleness">How old the state may be; null: any age.</param>
/// <param name="Timeout">How long the replica may try to find out how old it is.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.StaleReadRequest")]
public sealed record StaleReadRequest(
    [property: Id(0)] ReadOnlyMemory<byte> Key, [property: Id(1)] TimeSpan? MaxStaleness, [property: Id(2)] TimeSpan Timeout);

/// <summary>A read of a replica's own state that may not be older than something.</summary>
/// <param name="Key">The key.</param>
/// <param name="AtLeast">The revision that must be applied.</param>
/// <param name="Timeout">How long the replica may wait for it.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.ReadAtLeastRequest")]
public sealed record ReadAtLeastRequest([property: Id(0)] ReadOnlyMemory<byte> Key, [property: Id(1)] Revision AtLeast, [property: Id(2)] TimeSpan Timeout);

/// <summary>A page of a scan.</summary>
/// <param name="Prefix">Keys must begin with this; empty: all.</param>
/// <param name="After">Only keys greater than this; null: from the prefix's first.</param>
/// <param name="MaxEntries">The most entries to answer; the replica may answer fewer.</param>
/// <param name="Timeout">How long the replica may try.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.ScanRequest")]
public sealed record ScanRequest(
    [property: Id(0)] ReadOnlyMemory<byte> Prefix, [property: Id(1)] ReadOnlyMemory<byte>? After, [property: Id(2)] int MaxEntries, [property: Id(3)] TimeSpan Timeout);

/// <summary>The page, or why there is none.</summary>
/// <param name="Entries">In key order.</param>
/// <param name="HasMore">Whether keys follow after the last one.</param>
/// <param name="Rejection">Why the page was not served; null when it was.</param>
/// <param name="Revision">The revision of the shard that the page is of.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.ScanReply")]
public sealed record ScanReply(
    [property: Id(0)] IReadOnlyList<KeyValueEntry> Entries, [property: Id(1)] bool HasMore, [property: Id(2)] ReadRejected? Rejection, [property: Id(3)] Revision Revision = default);

/// <summary>What a replica is doing.</summary>
/// <param name="Replica">Which, as its grain key.</param>
/// <param name="Silo">The name of the silo it lives on.</param>
/// <param name="State">A word: <c>founding</c>, <c>joining</c>, <c>presenting</c>, <c>running</c>, <c>refused</c>, <c>dropped</c>, <c>stopped</c>.</param>
/// <param name="Detail">Why, when it is not running; empty otherwise.</param>
/// <param name="Role">Its Raft role, or <c>Witness</c>.</param>
/// <param name="Term">Its Raft term.</param>
/// <param name="Leader">The leader it knows.</param>
/// <param name="CommitIndex">Its commit index.</param>
/// <param name="AppliedIndex">Its applied index.</param>
/// <param name="LastIndex">The last index of its log.</param>
/// <param name="Epoch">How often its store opened it.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.ReplicaStatus")]
public sealed record ReplicaStatus(
    [property: Id(0)] string Replica,
    [property: Id(1)] string Silo,
    [property: Id(2)] string State,
    [property: Id(3)] string Detail,
    [property: Id(4)] string Role,
    [property: Id(5)] ulong Term,
    [property: Id(6)] DatacenterId? Leader,
    [property: Id(7)] ulong CommitIndex,
    [property: Id(8)] ulong AppliedIndex,
    [property: Id(9)] ulong LastIndex,
    [property: Id(10)] ulong Epoch)
{
    /// <summary>Which of the shard's replicas in <see cref="Leader"/> leads; 0: the first.</summary>
    [Id(11)]
    public int LeaderOrdinal { get; init; }

    /// <summary>The leader it knows.</summary>
    public ReplicaPlace? LeaderPlace => Leader is { } leader ? new(leader, Math.Max(1, LeaderOrdinal)) : null;
}
