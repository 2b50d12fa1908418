namespace MultiDc.Storage;

/// <summary>
/// The durable store of one silo. Owns the physical store, the group committer that all replicas share, and its health. Every
/// implementation passes the conformance suite in MultiDc.Testing.
/// </summary>
public interface IReplicaStore : IAsyncDisposable
{
    /// <summary>Who this store is: made once with the store, lost with it, never reused.</summary>
    StoreIdentity Identity { get; }

    /// <summary>Whether the store still acknowledges writes.</summary>
    StoreHealth Health { get; }

    /// <summary>
    /// Opens a replica, or creates it from <paramref name="founding"/>, and fences every earlier opening: the epoch is raised durably
    /// before this returns, and a write through an older opening fails with <see cref="FencedException"/>.
    /// </summary>
    /// <param name="replica">Which replica.</param>
    /// <param name="founding">How to create the replica when the store does not know it; null: do not create.</param>
    /// <param name="cancellationToken">Gives up waiting; the epoch may be raised all the same.</param>
    /// <returns>The opening, or null when the store does not know the replica and <paramref name="founding"/> is null.</returns>
    /// <exception cref="FencedException">A still later opening came before this one had read what is durable.</exception>
    /// <exception cref="StoreCorruptedException">A record of the replica is damaged. Nothing was changed but its epoch.</exception>
    /// <exception cref="StoreFullException">The replica is new and there is no space to found it.</exception>
    ValueTask<IReplicaStorage?> OpenAsync(ReplicaName replica, ReplicaFounding? founding, CancellationToken cancellationToken = default);

    /// <summary>The names of all replicas that the store knows, erased ones too; in no order.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    ValueTask<IReadOnlyList<ReplicaName>> ListReplicasAsync(CancellationToken cancellationToken = default);

    /// <summary>A small durable record beside the replicas, for what must be remembered before a replica is founded.</summary>
    /// <param name="key">Its name; at most 512 bytes in UTF-8.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The value, or null.</returns>
    ValueTask<ReadOnlyMemory<byte>?> GetRecordAsync(string key, CancellationToken cancellationToken = default);

    /// <summary>Writes such a record if the key has none yet; durable when this returns.</summary>
    /// <param name="key">Its name; at most 512 bytes in UTF-8.</param>
    /// <param name="value">Its value; at most 4 KiB.</param>
    /// <param name="cancellationToken">Gives up waiting; the record may be written all the same.</param>
    /// <returns>What the key holds now: <paramref name="value"/>, or what was there before.</returns>
    ValueTask<ReadOnlyMemory<byte>> AddRecordAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default);

    /// <summary>
    /// Writes such a record in place of what the key holds; durable when this returns. Puts and adds of a key take effect in call order.
    /// </summary>
    /// <param name="key">Its name; at most 512 bytes in UTF-8.</param>
    /// <param name="value">Its value; at most 4 KiB.</param>
    /// <param name="cancellationToken">Gives up waiting; the record may be written all the same.</param>
    ValueTask PutRecordAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default);

    /// <summary>
    /// Removes the log and the rows of a replica, for good, and fences its openings. Its name and epoch stay, so that none of those ever passes for a later one; and so does its
    /// hard state. Durable when this returns; a crash before leaves all of it or nothing. Space comes back soon after. Nothing happens when the store does not know the replica.
    /// </summary>
    /// <param name="replica">Which replica.</param>
    /// <param name="cancellationToken">Gives up waiting; it may be erased all the same.</param>
    /// <exception cref="FencedException">A later opening came in between.</exception>
    async ValueTask EraseAsync(ReplicaName replica, CancellationToken cancellationToken = default)
    {
        if (await OpenAsync(replica, null, cancellationToken).ConfigureAwait(false) is not { } storage)
        {
            return;
        }

        await using (storage.ConfigureAwait(false))
        {
            var recovered = storage.Recovered;
            var last = recovered.Entries.Count > 0 ? recovered.Entries[^1].Id : recovered.Snapshot.LastIncluded;
            if (last.Index.Value > 0)
            {
                // An empty state in the place of all that was applied or logged.
                var nothing = await storage.State.StageAsync(new(last, recovered.Snapshot.Configuration), cancellationToken).ConfigureAwait(false);
                await storage.WriteAsync(new() { Install = nothing }, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}

/// <summary>
/// A store whose writers may commit on threads of their own. Handed to a thread of the store, each write costs its writer two changes of threads, and is
/// committed as soon as that thread wakes; writers that commit when they have nothing else to do commit all that they wrote till then at once.
/// </summary>
public interface IWriterCommits
{
    /// <summary>
    /// Whether the thread that asks will soon call <see cref="CommitWaiting"/>, and does not sleep before that returns false, so that nobody else need be woken for
    /// what it writes. Set once, before the first write. Default: none will.
    /// </summary>
    Func<bool> CommitsHere { get; set; }

    /// <summary>Commits what waits, in one batch, unless someone else commits now; whoever does looks again afterwards. Takes as long as the disk does.</summary>
    /// <returns>Whether a batch was committed here: look again.</returns>
    bool CommitWaiting();
}

/// <summary>One opening of one replica. Calls are not concurrent, except reads of <see cref="State"/> through views.</summary>
public interface IReplicaStorage : IAsyncDisposable
{
    /// <summary>Which replica.</summary>
    ReplicaName Replica { get; }

    /// <summary>This opening's epoch: greater than that of every earlier opening of the replica.</summary>
    Epoch Epoch { get; }

    /// <summary>What was durable when it was opened.</summary>
    RaftRecovery Recovered { get; }

    /// <summary>
    /// The only durable write. Atomic; calls take effect in call order; the store puts the calls of all replicas that wait into one
    /// physical commit. Completes only when durable. <see cref="StoreFullException"/> means that nothing was written and the opening
    /// goes on; every other exception ends the opening.
    /// </summary>
    ValueTask WriteAsync(ReplicaWrite write, CancellationToken cancellationToken = default);

    /// <summary>
    /// Confirms that no later opening exists <em>now</em>: a replica may count itself in a read's or lease's quorum only after this, asked
    /// after the request arrived. Throws <see cref="FencedException"/> otherwise.
    /// </summary>
    ValueTask ConfirmEpochAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Lets the store drop log entries up to and including <paramref name="to"/>. Lazy: they may still be there after a crash. Bound:
    /// <see cref="IReplicaState.DurableApplied"/>, beyond which it compacts nothing.
    /// </summary>
    /// <param name="to">The metadata a recovery will start from.</param>
    /// <param name="cancellationToken">Gives up.</param>
    ValueTask CompactToAsync(SnapshotMetadata to, CancellationToken cancellationToken = default);

    /// <summary>The state machine's rows.</summary>
    IReplicaState State { get; }

    /// <summary>
    /// Whether <see cref="ConfirmEpochAsync"/>, and <see cref="IReplicaState.GetAsync"/> and <see cref="IReplicaState.OpenView"/> of <see cref="State"/>, may
    /// be called on any thread, beside all other calls, and ask nobody outside this process. What is read while a snapshot is installed may be of neither state.
    /// Default: they may not.
    /// </summary>
    bool CanBeReadAnywhere => false;
}

/// <summary>The rows of one replica's state machine: ordered, larger than memory. One writer.</summary>
public interface IReplicaState
{
    /// <summary>The index of the last applied entry.</summary>
    LogIndex Applied { get; }

    /// <summary>The applied index that would survive a crash now. The log after it must be kept.</summary>
    LogIndex DurableApplied { get; }

    /// <summary>
    /// Writes rows and the new applied index in one atomic write. Need not be durable: after a crash the log is applied again from
    /// <see cref="DurableApplied"/>. An index at or below <see cref="Applied"/> is refused as an invariant violation.
    /// </summary>
    ValueTask ApplyAsync(StateBatch batch, LogIndex applied, CancellationToken cancellationToken = default);

    /// <summary>Makes everything applied so far durable and moves <see cref="DurableApplied"/> up.</summary>
    ValueTask FlushAsync(CancellationToken cancellationToken = default);

    /// <summary>The value of a row, or null.</summary>
    ValueTask<ReadOnlyMemory<byte>?> GetAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default);

    /// <summary>A consistent view of all rows at one applied index, for scans and snapshots. May be used while the writer goes on.</summary>
    IReplicaStateView OpenView();

    /// <summary>
    /// Begins to stage a received snapshot beside the live rows, dropping any snapshot staged before. Installed by
    /// <see cref="ReplicaWrite.Install"/>, which makes it the state, atomically with the log's new start.
    /// </summary>
    ValueTask<IStagedSnapshot> StageAsync(SnapshotMetadata snapshot, CancellationToken cancellationToken = default);
}

/// <summary>A frozen view of a replica's rows.</summary>
public interface IReplicaStateView : IDisposable
{
    /// <summary>The applied index of this view.</summary>
    LogIndex Applied { get; }

    /// <summary>The value of a row, or null.</summary>
    ValueTask<ReadOnlyMemory<byte>?> GetAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default);

    /// <summary>Rows from <paramref name="from"/> (inclusive) to <paramref name="to"/> (exclusive; null: to the end), in key order.</summary>
    IAsyncEnumerable<StateRow> ScanAsync(ReadOnlyMemory<byte> from, ReadOnlyMemory<byte>? to, CancellationToken cancellationToken = default);
}

/// <summary>A snapshot that is being received.</summary>
public interface IStagedSnapshot
{
    /// <summary>What it will be.</summary>
    SnapshotMetadata Metadata { get; }

    /// <summary>Adds rows; keys ascend over all calls.</summary>
    ValueTask AddAsync(IReadOnlyList<StateRow> rows, CancellationToken cancellationToken = default);
}

/// <summary>One row of a state machine.</summary>
/// <param name="Key">Its key; rows are ordered by key bytes.</param>
/// <param name="Value">Its value.</param>
public readonly record struct StateRow(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value);

/// <summary>
/// Changes to rows, applied together. A later change of a key wins. The store keeps the memory of keys and values: it must not be changed afterwards. The list itself is the caller's again when they are
/// applied.
/// </summary>
public sealed class StateBatch
{
    /// <summary>Keys with their new values; null deletes the row.</summary>
    public List<(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte>? Value)> Changes { get; } = [];
}

/// <summary>Everything one <see cref="Ready"/> wants durable.</summary>
public sealed record ReplicaWrite
{
    /// <summary>Term, vote and commit hint.</summary>
    public HardState? HardState { get; init; }

    /// <summary>Replaces log and state by a staged snapshot, in the same atomic write.</summary>
    public IStagedSnapshot? Install { get; init; }

    /// <summary>
    /// Contiguous entries; everything stored from the first one's index on is replaced. The first index is at most one past the end of
    /// the stored log (after <see cref="Install"/>), else <see cref="LogGapException"/>.
    /// </summary>
    public IReadOnlyList<LogEntry> Entries { get; init; } = [];
}

/// <summary>How a replica begins: with an empty log and this configuration, known to all founding members alike.</summary>
/// <param name="Configuration">The founding voters.</param>
public sealed record ReplicaFounding(GroupConfiguration Configuration);
