namespace MultiDc.Storage;

/// <summary>One opening of one replica in a <see cref="RocksDbReplicaStore"/>.</summary>
internal sealed class RocksDbReplicaStorage(
    ReplicaOpening opening,
    RaftRecovery recovered,
    StoreDatabase database,
    Committer committer,
    StateFlusher flusher,
    StoreFailure failure,
    RocksDbReplicaState state) : IReplicaStorage
{
    private Task installing = Task.CompletedTask;
    private bool disposed;

    public ReplicaName Replica => opening.Slot.Name;

    public Epoch Epoch => opening.Epoch;

    public RaftRecovery Recovered { get; } = recovered;

    public IReplicaState State { get; } = state;

    public bool CanBeReadAnywhere => true;

    public ValueTask WriteAsync(ReplicaWrite write, CancellationToken cancellationToken = default)
    {
        try
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (write.Install is null && installing.IsCompleted)
            {
                return new ValueTask(QueueAsync(write, install: null, cancellationToken));
            }

            // An install takes a flush before it is queued; a write called after it must not overtake it.
            installing = WriteAfterAsync(installing, write, cancellationToken);
            return new ValueTask(installing);
        }
        catch (Exception exception)
        {
            return ValueTask.FromException(exception);
        }
    }

    public ValueTask ConfirmEpochAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        failure.ThrowIfFailed();
        opening.RequireLatest();
        return ValueTask.CompletedTask;
    }

    public async ValueTask CompactToAsync(SnapshotMetadata to, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        RequireSameTerm(to.LastIncluded);
        await committer.SubmitAsync(new CompactCommand(opening, to), cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        state.WriteAppliedIfPossible();
        try
        {
            await committer.SubmitAsync(new CloseReplicaCommand(opening), CancellationToken.None).ConfigureAwait(false);

            // Not before it has ended: whoever still reads here must not take older rows for the state.
            state.ForgetApplied();
        }
        catch (Exception exception) when (exception is ObjectDisposedException or StoreFailedException)
        {
            // Without the committer nobody opens or writes any more either: there is nothing left to give up.
        }
    }

    private async Task WriteAfterAsync(Task before, ReplicaWrite write, CancellationToken cancellationToken)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        RocksDbStagedSnapshot? install = null;
        if (write.Install is not null)
        {
            install = write.Install as RocksDbStagedSnapshot;
            Invariant.Require(install is not null, "what is installed was staged in this store");
            install.Seal();
            await flusher.FlushAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        await QueueAsync(write, install, cancellationToken).ConfigureAwait(false);
    }

    private Task<bool> QueueAsync(ReplicaWrite write, RocksDbStagedSnapshot? install, CancellationToken cancellationToken) =>
        committer.SubmitAsync(
            new WriteCommand(opening, write.HardState, install, new EncodedEntries(write.Entries)), cancellationToken);

    /// <summary>A recovery starts from this id: with another term than the entry's, Log Matching (§3.5) would be broken.</summary>
    private void RequireSameTerm(EntryId id)
    {
        if (id.Index.Value <= opening.LogStart || id.Index > State.DurableApplied)
        {
            return;
        }

        var key = StoreKeys.Log(opening.Slot.Number, id.Index.Value);
        var stored = HardRecords.Get(database, database.Log, key, Replica) is { } bytes
            ? HardRecords.Decode(database.Log, key, Replica, bytes, value => EntryCodec.Decode(value))
            : throw HardRecords.Corrupted(database.Log, key, Replica, "it is missing");
        Invariant.Require(stored.Id == id, "the log is compacted to an entry it holds");
    }
}
