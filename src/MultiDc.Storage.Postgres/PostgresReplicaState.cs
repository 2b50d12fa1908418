namespace MultiDc.Storage.Postgres;

/// <summary>The rows of one opening of a replica: unwritten ones over those in the database.</summary>
internal sealed class PostgresReplicaState(
    ReplicaOpening opening, PostgresReplicaStoreOptions options, PostgresDatabase database, StoreFailure failure, RowReader reader, StateFlusher flusher,
    StateSweeper sweeper, Func<bool> isClosed) : IReplicaState
{
    private readonly UnwrittenRows rows = opening.Rows;

    public LogIndex Applied => new(rows.Applied);

    public LogIndex DurableApplied => new(rows.DurableApplied);

    public async ValueTask ApplyAsync(StateBatch batch, LogIndex applied, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Require();
        Invariant.Require(applied > Applied, "an entry is applied once");
        Invariant.Require(applied.Value <= opening.LogLast, "what is applied is in the log, or a crash could not apply it again");
        lock (rows.Gate)
        {
            rows.Apply(batch, applied.Value);
        }

        flusher.MarkDirty(opening);
        if (rows.Bytes > 4L * options.MaxUnflushedBytes)
        {
            // The database does not keep up: applying waits for it, and with it everybody who writes.
            await flusher.FlushAsync(opening).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        else if (rows.Bytes > options.MaxUnflushedBytes)
        {
            flusher.BeginFlush(opening);
        }
    }

    public async ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        Require();
        await flusher.FlushAsync(opening).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask<ReadOnlyMemory<byte>?> GetAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Require();
        if (rows.TryGet(key, out var value))
        {
            return value;
        }

        return await reader.GetAsync(opening, key, cancellationToken).ConfigureAwait(false) is { } stored
            ? StateValues.Decode(opening.Slot, rows.Generation, key.Span, stored)
            : (ReadOnlyMemory<byte>?)null;
    }

    public IReplicaStateView OpenView()
    {
        Require();
        lock (rows.Gate)
        {
            var view = new PostgresStateView(opening, database, rows.Layers());
            rows.AddUnread(view);
            return view;
        }
    }

    public async ValueTask<IStagedSnapshot> StageAsync(SnapshotMetadata snapshot, CancellationToken cancellationToken = default)
    {
        Require();
        await reader.ConfirmAsync(opening, cancellationToken).ConfigureAwait(false);
        if (opening.Staged is not null)
        {
            sweeper.Sweep(opening, below: opening.NextGeneration);
        }

        opening.Staged = new PostgresStagedSnapshot(opening, opening.NextGeneration++, snapshot, database, sweeper);
        return opening.Staged;
    }

    private void Require()
    {
        ObjectDisposedException.ThrowIf(isClosed(), typeof(PostgresReplicaStore));
        failure.ThrowIfFailed();
        opening.RequireLatest();
    }
}
