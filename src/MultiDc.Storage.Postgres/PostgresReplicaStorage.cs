using Microsoft.Extensions.Logging;

namespace MultiDc.Storage.Postgres;

/// <summary>One opening of one replica in a <see cref="PostgresReplicaStore"/>.</summary>
internal sealed class PostgresReplicaStorage(
    ReplicaOpening opening, RaftRecovery recovered, ReplicaRecoveryReader recovery, Committer committer, StateFlusher flusher, RowReader reader,
    StoreFailure failure, ILogger logger, PostgresReplicaState state) : IReplicaStorage
{
    private Task installing = Task.CompletedTask;
    private bool disposed;

    public ReplicaName Replica => opening.Slot.Name;

    public Epoch Epoch => opening.Epoch;

    public RaftRecovery Recovered { get; } = recovered;

    public IReplicaState State => state;

    public ValueTask WriteAsync(ReplicaWrite write, CancellationToken cancellationToken = default)
    {
        try
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (write.Install is null && installing.IsCompleted)
            {
                return new ValueTask(QueueAsync(write, install: null, cancellationToken));
            }

            // An install waits before it is queued; a write called after it must not overtake it.
            installing = WriteAfterAsync(installing, write, cancellationToken);
            return new ValueTask(installing);
        }
        catch (Exception exception)
        {
            return ValueTask.FromException(exception);
        }
    }

    public async ValueTask ConfirmEpochAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        failure.ThrowIfFailed();
        opening.RequireLatest();
        await reader.ConfirmAsync(opening, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask CompactToAsync(SnapshotMetadata to, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        var id = to.LastIncluded;
        if (id.Index.Value > opening.LogStart && id.Index <= State.DurableApplied)
        {
            // A recovery starts from this id: with another term than the entry's, Log Matching (§3.5) would be broken.
            Invariant.Require(
                await recovery.ReadEntryAsync(opening, id.Index.Value, cancellationToken).ConfigureAwait(false) is not { } stored || stored.Id == id,
                "the log is compacted to an entry it holds");
        }

        await committer.SubmitAsync(new CompactCommand(opening, to), cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        try
        {
            if (opening.Rows.IsDirty && opening.Slot.CurrentEpoch == Epoch.Value && !failure.HasFailed)
            {
                await flusher.FlushAsync(opening).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is IOException or FencedException or ObjectDisposedException)
        {
            PostgresLog.NotFlushed(logger, Replica, exception);
        }

        flusher.Forget(opening);
        try
        {
            await committer.SubmitAsync(new CloseReplicaCommand(opening), CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is ObjectDisposedException or IOException)
        {
            // The slot was closed all the same, or there is nobody any more who could open it here.
        }
    }

    private async Task WriteAfterAsync(Task before, ReplicaWrite write, CancellationToken cancellationToken)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        PostgresStagedSnapshot? install = null;
        if (write.Install is not null)
        {
            install = write.Install as PostgresStagedSnapshot;
            Invariant.Require(install is not null, "what is installed was staged in this store");
            install.Seal();
            install.RequireInstallable();

            // No rows of the old state may come after the new, and views that have not read yet must have theirs before.
            await flusher.FlushAsync(opening).WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        await QueueAsync(write, install, cancellationToken).ConfigureAwait(false);
    }

    private Task<bool> QueueAsync(ReplicaWrite write, PostgresStagedSnapshot? install, CancellationToken cancellationToken) =>
        committer.SubmitAsync(new WriteCommand(opening, write.HardState, install, new EncodedEntries(write.Entries)), cancellationToken);
}
