using System.Diagnostics.Metrics;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using RocksDbSharp;

namespace MultiDc.Storage;

/// <summary>
/// The embedded store of a silo: one RocksDB database in one data folder, owned by one process. All replicas' writes share one
/// committer and hence one sync. LAYOUT.md beside this project describes every byte.
/// </summary>
public sealed class RocksDbReplicaStore : IReplicaStore, IWriterCommits
{
    /// <summary>The longest record value, in bytes.</summary>
    public const int MaxRecordValueBytes = 4096;

    private const int MaxRecordKeyBytes = 512;
    private const int MaxReplicaNameBytes = 256;

    private readonly RocksDbReplicaStoreOptions options;
    private readonly StoreDatabase database;
    private readonly FolderLock folderLock;
    private readonly StoreFailure failure;
    private readonly FreeSpace space;
    private readonly StoreMetrics metrics;
    private readonly Committer committer;
    private readonly AppliedRowsBudget appliedRows;
    private readonly StateFlusher flusher;
    private readonly LogReclaimer reclaimer;
    private readonly RocksDbStateWriter stateWriter;
    private readonly AppliedRowsWriter rowsWriter;
    private readonly ReplicaRecoveryReader recoveryReader;
    private readonly ITimer spaceTimer;
    private readonly ILogger logger;
    private int disposed;

    private RocksDbReplicaStore(
        RocksDbReplicaStoreOptions options,
        OpenedFolder folder,
        StoreFailure failure,
        FreeSpace space,
        TimeProvider time,
        IMeterFactory? meters,
        ILogger logger)
    {
        this.options = options;
        this.logger = logger;
        Identity = folder.Identity;
        database = folder.Database;
        folderLock = folder.Lock;
        this.failure = failure;
        this.space = space;
        metrics = new StoreMetrics(meters);
        appliedRows = new AppliedRowsBudget(options.MaxAppliedBytes);
        stateWriter = new RocksDbStateWriter(database, failure, space, logger);
        rowsWriter = new AppliedRowsWriter(options, stateWriter, failure);
        flusher = new StateFlusher(options, database, stateWriter, failure, space, metrics, time);
        reclaimer = new LogReclaimer(options, database, flusher, failure, space, logger);
        committer = new Committer(options, database, new ReplicaTable(folder.NextSlot), failure, space, reclaimer, metrics, time, logger);
        space.WatchDatabase(stateWriter.TakesWrites);
        recoveryReader = new ReplicaRecoveryReader(database, stateWriter, logger);
        metrics.Watch(() => committer.QueueDepth + committer.Unsynced, () => Health, () => appliedRows.HeldBytes, () => appliedRows.HandedOverBytes);
        spaceTimer = time.CreateTimer(_ => space.Look(), null, options.FreeSpaceInterval, options.FreeSpaceInterval);
    }

    /// <inheritdoc/>
    public StoreIdentity Identity { get; }

    /// <inheritdoc/>
    public StoreHealth Health =>
        failure.HasFailed ? StoreHealth.Failed : space.IsFull ? StoreHealth.ReadOnly : StoreHealth.Ok;

    /// <inheritdoc/>
    public Func<bool> CommitsHere
    {
        get => committer.CommitsHere;
        set => committer.CommitsHere = value;
    }

    /// <inheritdoc/>
    public bool CommitWaiting() => committer.CommitWaiting();

    /// <summary>For tests that look at the files below.</summary>
    internal StoreDatabase Database => database;

    /// <summary>For tests of what waits in memory.</summary>
    internal AppliedRowsBudget AppliedRows => appliedRows;

    /// <summary>For tests that must know that a call has been queued.</summary>
    internal int QueuedWrites => committer.QueueDepth;

    /// <summary>For tests in which nobody but a writer may commit.</summary>
    internal bool CommitterSleeps => committer.Sleeps;

    /// <summary>For tests that look at the disk after a compaction.</summary>
    internal Task Reclaiming => reclaimer.Running;

    /// <summary>Opens the store in the data folder, or creates it there. Reads back what the last process left, off the caller's thread.</summary>
    /// <param name="options">Where, whose and how much; validated here.</param>
    /// <param name="time">Drives the free-space check and measures; null: the system's.</param>
    /// <param name="meters">Makes the meter <c>MultiDc</c>; null: the store makes its own.</param>
    /// <param name="logger">Takes events 2000 to 2099; null: none.</param>
    /// <param name="cancellationToken">Gives up before the folder is touched.</param>
    /// <exception cref="ArgumentException">An option cannot be.</exception>
    /// <exception cref="StoreOpenException">
    /// The folder cannot be used, is in use, is of another cluster or a newer program, or is damaged; the message says which and what to do.
    /// </exception>
    public static async Task<RocksDbReplicaStore> OpenAsync(
        RocksDbReplicaStoreOptions options,
        TimeProvider? time = null,
        IMeterFactory? meters = null,
        ILogger<RocksDbReplicaStore>? logger = null,
        CancellationToken cancellationToken = default)
    {
        options.Validate();
        var log = (ILogger?)logger ?? NullLogger.Instance;
        var failure = new StoreFailure(options.Folder, log);
        var space = new FreeSpace(options, log);
        var folder = await Task.Run(() => StoreFolder.Open(options, Note, log), cancellationToken).ConfigureAwait(false);
        return new RocksDbReplicaStore(options, folder, failure, space, time ?? TimeProvider.System, meters, log);

        void Note(RocksDbException exception)
        {
            if (FreeSpace.IsNoSpace(exception))
            {
                space.NoteDatabaseFull();
            }
            else
            {
                failure.Fail(exception);
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask<IReplicaStorage?> OpenAsync(
        ReplicaName replica, ReplicaFounding? founding, CancellationToken cancellationToken = default)
    {
        RequireLength(replica.Value, MaxReplicaNameBytes, nameof(replica));
        var opening = await committer.SubmitAsync(new OpenReplicaCommand(replica, founding, appliedRows), cancellationToken).ConfigureAwait(false);
        if (opening is null)
        {
            return null;
        }

        // Rows that an earlier opening in this process applied are visible, but the next crash could take them back.
        if (flusher.HasUnflushed(opening.Slot.Number))
        {
            await flusher.FlushAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        var recovered = Recover(opening);
        var state = new RocksDbReplicaState(opening, database, stateWriter, rowsWriter, flusher);
        return new RocksDbReplicaStorage(opening, recovered, database, committer, flusher, failure, state);
    }

    /// <inheritdoc/>
    public async ValueTask EraseAsync(ReplicaName replica, CancellationToken cancellationToken = default)
    {
        RequireLength(replica.Value, MaxReplicaNameBytes, nameof(replica));
        var opening = await committer.SubmitAsync(new OpenReplicaCommand(replica, null, appliedRows), cancellationToken).ConfigureAwait(false);
        if (opening is null)
        {
            return;
        }

        var recovered = Recover(opening);
        var erased = await committer.SubmitAsync(new EraseReplicaCommand(opening, recovered), cancellationToken).ConfigureAwait(false);
        await committer.SubmitAsync(new CloseReplicaCommand(opening), cancellationToken).ConfigureAwait(false);
        stateWriter.DropGenerations(opening.Slot.Number, 0, erased);

        // Nobody opens it again, which would drop the rows that a crash brings back.
        await flusher.FlushAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        reclaimer.NoteErased(opening.Slot.Number);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<ReplicaName>> ListReplicasAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var names = new List<ReplicaName>();
        var snapshot = database.TakeSnapshot();
        try
        {
            database.Read(database.Hard, StoreKeys.FirstName, StoreKeys.AfterNames, snapshot, (key, _) =>
            {
                if (StoreKeys.ReplicaOfName(key) is { } name)
                {
                    names.Add(name);
                }

                return true;
            });
        }
        finally
        {
            database.Release(snapshot);
        }

        return ValueTask.FromResult<IReadOnlyList<ReplicaName>>(names);
    }

    /// <inheritdoc/>
    public ValueTask<ReadOnlyMemory<byte>?> GetRecordAsync(string key, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        RequireLength(key, MaxRecordKeyBytes, nameof(key));
        var value = HardRecords.Read(database, StoreKeys.Record(key), null, StoreRecords.DecodeRecord);
        return ValueTask.FromResult(value is null ? (ReadOnlyMemory<byte>?)null : value);
    }

    /// <inheritdoc/>
    public async ValueTask<ReadOnlyMemory<byte>> AddRecordAsync(
        string key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
    {
        RequireLength(key, MaxRecordKeyBytes, nameof(key));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, MaxRecordValueBytes, nameof(value));
        return await committer.SubmitAsync(new AddRecordCommand(key, value.ToArray()), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask PutRecordAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
    {
        RequireLength(key, MaxRecordKeyBytes, nameof(key));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, MaxRecordValueBytes, nameof(value));
        await committer.SubmitAsync(new PutRecordCommand(key, value.ToArray()), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Answers what waits, makes applied rows durable and closes the folder. Views that are still open end with
    /// <see cref="ObjectDisposedException"/>.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
        {
            return;
        }

        await spaceTimer.DisposeAsync().ConfigureAwait(false);
        await committer.StopAsync().ConfigureAwait(false);
        rowsWriter.Stop();
        try
        {
            if (!failure.HasFailed)
            {
                await flusher.FlushAsync().ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is StoreFailedException or StoreFullException)
        {
            // Logged where it was noticed; the rows are applied again from the log.
        }

        await database.CloseAsync().ConfigureAwait(false);
        folderLock.Dispose();
        metrics.Dispose();
        StoreLog.Closed(logger, options.Folder);
    }

    private RaftRecovery Recover(ReplicaOpening opening)
    {
        try
        {
            return recoveryReader.Read(opening);
        }
        catch (StoreCorruptedException exception)
        {
            StoreLog.Corrupted(logger, exception);
            throw;
        }
    }

    private static void RequireLength(string value, int maxBytes, string parameter)
    {
        ArgumentException.ThrowIfNullOrEmpty(value, parameter);
        if (Encoding.UTF8.GetByteCount(value) > maxBytes)
        {
            throw new ArgumentException($"at most {maxBytes} bytes in UTF-8", parameter);
        }
    }
}
