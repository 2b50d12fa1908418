using MultiDc.Grains;
using MultiDc.Ring;

namespace MultiDc.Client;

/// <summary>
/// Strongly consistent keys and values over several datacenters. Every operation is linearizable per key, unless less is asked for: it takes effect at
/// one moment between its call and its answer. Keys and values are byte strings; see <see cref="KeyLimits"/> and the extensions for text. Safe for
/// concurrent use; one per process is enough.
/// </summary>
public interface IMultiDcClient
{
    /// <summary>Reads a key.</summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="key">The key.</param>
    /// <param name="timeout">The deadline; null: <see cref="MultiDcClientOptions.DefaultTimeout"/>.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>.</param>
    /// <returns>
    /// <see cref="ReadServed"/> with the entry or null, or <see cref="ReadRejected"/>. Never a stale value, unless the keyspace was given another default
    /// (<see cref="KeyspaceDescriptor.ReadDefault"/>), or this client is a session's.
    /// </returns>
    Task<ReadResult> GetAsync(string keyspace, ReadOnlyMemory<byte> key, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Reads a key, as fresh as it must be.</summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="key">The key.</param>
    /// <param name="level">How fresh. All but linearizable reads are served by the own datacenter when it can, without asking another.</param>
    /// <param name="timeout">The deadline; null: <see cref="MultiDcClientOptions.DefaultTimeout"/>.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>.</param>
    /// <returns>
    /// <see cref="ReadServed"/>, which tells how old the state may be and whose it is, or <see cref="ReadRejected"/>: of a bounded read with
    /// <see cref="RejectionReason.TooStale"/> when no replica in reach could prove its bound.
    /// </returns>
    Task<ReadResult> GetAsync(string keyspace, ReadOnlyMemory<byte> key, ReadLevel level, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// This client as a session uses it: reads that name no level are of level <see cref="ReadLevel.Session"/>, and what is read, scanned, watched
    /// and written is noted in the session. Costs nothing: make one for each web request. Writes whose outcome is <see cref="Unknown"/> are not noted. Of a watch each batch is noted when it is
    /// handed out: what is read from then on is no older.
    /// </summary>
    /// <param name="session">The session, new or resumed from a token.</param>
    IMultiDcClient InSession(ReadSession session);

    /// <summary>Sets a key.</summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">Its new value.</param>
    /// <param name="timeout">The deadline; null: <see cref="MultiDcClientOptions.DefaultTimeout"/>.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>: the outcome is then unknown.</param>
    /// <returns>
    /// <see cref="Applied"/> with the revision; <see cref="Rejected"/>: it did not happen and never will, with <see cref="RejectionReason.InvalidArgument"/> when a limit is broken (<see cref="KeyLimits"/>, or the keyspace's) and
    /// <see cref="RejectionReason.Unavailable"/> when no leader was reached in time; or <see cref="Unknown"/>: sent, and not answered in time.
    /// </returns>
    Task<WriteResult> PutAsync(string keyspace, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Removes a key; <see cref="Applied"/> also when it was absent.</summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="key">The key.</param>
    /// <param name="timeout">The deadline; null: <see cref="MultiDcClientOptions.DefaultTimeout"/>.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>: the outcome is then unknown.</param>
    /// <returns><see cref="Applied"/>, also when there was none to remove; or as <see cref="PutAsync"/>.</returns>
    Task<WriteResult> DeleteAsync(string keyspace, ReadOnlyMemory<byte> key, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Sets a key if it has the expected value, else answers <see cref="Rejected"/> with <see cref="RejectionReason.PreconditionFailed"/>.</summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="key">The key.</param>
    /// <param name="expected">The value it must have; null: it must be absent.</param>
    /// <param name="value">Its new value.</param>
    /// <param name="timeout">The deadline; null: <see cref="MultiDcClientOptions.DefaultTimeout"/>.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>: the outcome is then unknown.</param>
    /// <returns><see cref="Applied"/>; <see cref="Rejected"/> with <see cref="RejectionReason.PreconditionFailed"/>, and in <see cref="Rejected.Revision"/> the state that said so; or as <see cref="PutAsync"/>.</returns>
    Task<WriteResult> CompareAndSetAsync(
        string keyspace, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte>? expected, ReadOnlyMemory<byte> value, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Carries out any operation, guarded or not, once: what <see cref="MultiDcClientOperationExtensions"/> offers by name. Retried by itself until the deadline, also over a change of leader.
    /// </summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="operation">The operation; all keys of a batch must be in one shard.</param>
    /// <param name="timeout">The deadline; null: <see cref="MultiDcClientOptions.DefaultTimeout"/>.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>: the outcome is then unknown.</param>
    /// <returns>
    /// <see cref="Applied"/>, of some operations an <see cref="AppliedNumber"/> or <see cref="AppliedBatch"/>; <see cref="Rejected"/>, with
    /// <see cref="RejectionReason.InvalidArgument"/> when the operation is not well formed; or <see cref="Unknown"/>.
    /// </returns>
    Task<WriteResult> WriteAsync(string keyspace, WriteOperation operation, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Reads a lease.</summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="key">Any key of the lease's shard, such as the one it was granted with.</param>
    /// <param name="lease">The lease.</param>
    /// <param name="timeout">The deadline; null: <see cref="MultiDcClientOptions.DefaultTimeout"/>.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>.</param>
    /// <returns>The lease or null, or why the read was not served: a linearizable read.</returns>
    Task<LeaseReply> GetLeaseAsync(string keyspace, ReadOnlyMemory<byte> key, LeaseId lease, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// All entries whose key begins with the prefix, in key order. Each page of each shard is a linearizable read; the whole is not one
    /// moment: an entry written while the scan runs may or may not appear.
    /// </summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="prefix">The prefix; empty: everything.</param>
    /// <param name="timeout">The deadline of each page; null: <see cref="MultiDcClientOptions.DefaultTimeout"/>.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="MultiDcUnavailableException">A shard did not answer before the deadline; what came before is valid but not all.</exception>
    IAsyncEnumerable<KeyValueEntry> ScanAsync(string keyspace, ReadOnlyMemory<byte> prefix, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>The most entries of a <see cref="ScanPage"/>.</summary>
    const int MaxScanPageEntries = 10_000;

    /// <summary>
    /// A page of the entries whose key begins with the prefix, in key order over all shards, and a token with which the next page begins right behind it, in whatever process and
    /// datacenter. What a shard adds to a page is read linearizably, at most 256 entries at once; a page of several shards, or of more, is not one moment, and the whole scan is none: a
    /// key that is there from its first page to its last is told once, one that comes or goes meanwhile may be or not, none is told twice.
    /// </summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="prefix">The prefix; empty: everything. The same for all pages of a scan.</param>
    /// <param name="limit">The most entries, 1 to <see cref="MaxScanPageEntries"/>. There are fewer only on the last page.</param>
    /// <param name="token">Where the page before ended; null: this is the first.</param>
    /// <param name="timeout">The deadline; null: <see cref="MultiDcClientOptions.DefaultTimeout"/>.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>.</param>
    /// <returns>
    /// The page, or why there is none: <see cref="RejectionReason.InvalidArgument"/> when the token is of another keyspace or prefix, or of a keyspace of that name that was dropped.
    /// </returns>
    Task<ScanPage> ScanPageAsync(
        string keyspace, ReadOnlyMemory<byte> prefix, int limit, ScanToken? token = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// The same from a key on that the caller names: the first page of what comes right behind it, whether it is there or not. Its token continues it with
    /// <see cref="ScanPageAsync"/>.
    /// </summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="prefix">The prefix; empty: everything.</param>
    /// <param name="limit">The most entries, 1 to <see cref="MaxScanPageEntries"/>.</param>
    /// <param name="after">The key behind which the page begins; it need not begin with the prefix.</param>
    /// <param name="timeout">The deadline; null: <see cref="MultiDcClientOptions.DefaultTimeout"/>.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>.</param>
    Task<ScanPage> ScanPageAfterAsync(
        string keyspace, ReadOnlyMemory<byte> prefix, int limit, ReadOnlyMemory<byte> after, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Tells what changes: of each shard every revision that changed a watched key, in order, once, with all its changes together. Revisions of different
    /// shards have no order. Goes on by itself over changes of leader, dead silos and lost connections, at the own datacenter's replica or else another's.
    /// The first batch of a watch from <see cref="WatchStart.Now"/>, and now and then another, is a progress mark without events. The next pages are asked for
    /// as the consumer takes batches, so a slow consumer holds up nobody.
    /// </summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="filter">One key, or a prefix.</param>
    /// <param name="start">Where to begin.</param>
    /// <param name="timeout">How long a shard may be out of reach before the watch gives up; null: it waits for ever.</param>
    /// <param name="cancellationToken">Ends the watch with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="WatchCompactedException">
    /// Replicas no longer remember what comes next. They keep recent changes in memory only, so many bytes of them: the token is too old, or the consumer too slow.
    /// </exception>
    /// <exception cref="MultiDcUnavailableException">
    /// There is no such keyspace, the token is of another, or a shard was out of reach too long. What came before is all there was.
    /// </exception>
    IAsyncEnumerable<WatchBatch> WatchAsync(
        string keyspace, WatchFilter filter, WatchStart start = default, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Adds a keyspace; applied also when the same one is there.</summary>
    /// <param name="keyspace">Its name, see <see cref="Names"/>.</param>
    /// <param name="shardCount">How many shards it has, for good: 1 to <see cref="KeyspaceDescriptor.MaxShardCount"/>.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>: the outcome is then unknown, and asking again is harmless.</param>
    /// <returns>
    /// <see cref="Applied"/>; <see cref="Rejected"/> with <see cref="RejectionReason.PreconditionFailed"/> when another has the name, or <see cref="RejectionReason.InvalidArgument"/>; or <see cref="Unknown"/>.
    /// </returns>
    Task<WriteResult> CreateKeyspaceAsync(string keyspace, int shardCount, CancellationToken cancellationToken = default);

    /// <summary>
    /// Adds a keyspace with a policy; applied also when the same one is there. One that cannot be so is refused with
    /// <see cref="RejectionReason.InvalidArgument"/> and the reason: among others, when it cannot outlive what it is asked to.
    /// </summary>
    /// <param name="keyspace">The keyspace; its datacenters may be default: all. See also <see cref="KeyspaceDescriptor.OfRanges"/>.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>: the outcome is then unknown, and asking again is harmless.</param>
    /// <returns><see cref="Applied"/>, <see cref="Rejected"/> with the reason, or <see cref="Unknown"/>.</returns>
    Task<WriteResult> CreateKeyspaceAsync(KeyspaceDescriptor keyspace, CancellationToken cancellationToken = default);

    /// <summary>
    /// Changes of a keyspace what may be changed: preferred leaders, the default of reads, limits, the survival goal. Silos know of it after a second or two, other
    /// clients after <see cref="MultiDcClientOptions.RingRefreshPeriod"/> of use.
    /// </summary>
    /// <param name="keyspace">Its name.</param>
    /// <param name="change">What becomes of it.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>: the outcome is then unknown, and asking again is harmless.</param>
    /// <returns><see cref="Applied"/>, <see cref="Rejected"/> with the reason, or <see cref="Unknown"/>.</returns>
    Task<WriteResult> AlterKeyspaceAsync(string keyspace, KeyspaceChange change, CancellationToken cancellationToken = default);

    /// <summary>
    /// Drops a keyspace with all that is in it, for good; it cannot be undone. Linearizable: of many who drop or alter it, each finds it or finds it gone. Once it is
    /// <see cref="Applied"/>, nothing is written to it and no linearizable or session read of it served any more by anybody, but refused with <see cref="RejectionReason.UnknownKeyspace"/>, and
    /// watches of it end so. A datacenter that is cut off may serve <see cref="ReadLevel.Local"/> reads, bounded reads within their bound, and watches of what it has, until it hears
    /// of it. Its data are erased from all stores; those of silos that are down when these are back. The name may be used again at once: a keyspace that is created under it is
    /// empty, and tokens of watches, sessions and scans of the old one do not fit it.
    /// </summary>
    /// <param name="keyspace">Its name.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>: the outcome is then unknown.</param>
    /// <returns>
    /// <see cref="Applied"/>; <see cref="Rejected"/> with <see cref="RejectionReason.UnknownKeyspace"/> when there is none, with <see cref="RejectionReason.InvalidArgument"/> when it is the
    /// system's own or in the silos' configuration; <see cref="Unknown"/> also when it is dropped, but not all of its shards could be told yet.
    /// </returns>
    Task<WriteResult> DropKeyspaceAsync(string keyspace, CancellationToken cancellationToken = default);

    /// <summary>All keyspaces by name, as the newest ring has them that any datacenter tells; null when none answers. May lag by some seconds behind a change.</summary>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>.</param>
    Task<IReadOnlyList<KeyspaceDescriptor>?> ListKeyspacesAsync(CancellationToken cancellationToken = default);

    /// <summary>The newest ring that any datacenter tells; null when none answers. May lag by some seconds behind a change.</summary>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>.</param>
    Task<RingSnapshot?> GetRingAsync(CancellationToken cancellationToken = default);

    /// <summary>Every replica's own account of itself, shard by shard; replicas that do not answer within a second, or two where a datacenter is not yet connected, are told as <c>unreachable</c>, with why. Fails for no replica.</summary>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>.</param>
    Task<IReadOnlyList<ReplicaStatus>> GetStatusAsync(CancellationToken cancellationToken = default);
}

/// <summary>A scan or watch could not go on: a shard was out of reach until the deadline, or refuses.</summary>
public sealed class MultiDcUnavailableException(RejectionReason reason, string message) : Exception(message)
{
    /// <summary>Why.</summary>
    public RejectionReason Reason { get; } = reason;
}
