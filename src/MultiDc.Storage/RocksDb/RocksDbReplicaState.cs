namespace MultiDc.Storage;

/// <summary>The rows of one opening of a replica.</summary>
internal sealed class RocksDbReplicaState(
    ReplicaOpening opening, StoreDatabase database, RocksDbStateWriter writer, StateFlusher flusher) : IReplicaState
{
    public LogIndex Applied => new(opening.Applied);

    public LogIndex DurableApplied => new(opening.DurableApplied);

    public ValueTask ApplyAsync(StateBatch batch, LogIndex applied, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Invariant.Require(applied > Applied, "an entry is applied once");
        Invariant.Require(applied.Value <= opening.LogLast, "what is applied is in the log, or a crash could not apply it again");
        using var lease = database.Enter();
        lock (opening.Slot.Gate)
        {
            opening.RequireLatest();
            writer.RequireTaking();
            if (opening.Rows.IsFull)
            {
                writer.WriteApplied(opening);
            }

            opening.Rows.Add(batch);
            opening.Applied = applied.Value;
            flusher.MarkDirty(opening);
        }

        return ValueTask.CompletedTask;
    }

    public async ValueTask FlushAsync(CancellationToken cancellationToken = default) =>
        await flusher.FlushAsync().WaitAsync(cancellationToken).ConfigureAwait(false);

    public ValueTask<ReadOnlyMemory<byte>?> GetAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (opening.Rows.TryGet(key, out var row))
        {
            using var lease = database.Enter();
            opening.RequireLatest();
            return ValueTask.FromResult(row);
        }

        var value = HardRecords.Get(
            database, database.State, StoreKeys.Row(opening.Slot.Number, opening.Generation, key.Span), opening.Slot.Name);

        // Asked after the read: a later opening may have replaced and dropped the generation that was read.
        opening.RequireLatest();
        return ValueTask.FromResult(value is null ? (ReadOnlyMemory<byte>?)null : value);
    }

    public IReplicaStateView OpenView()
    {
        lock (opening.Slot.Gate)
        {
            opening.RequireLatest();
            writer.WriteApplied(opening);
            return new RocksDbStateView(
                opening.Slot, opening.Generation, new LogIndex(opening.Applied), database, database.TakeSnapshot());
        }
    }

    /// <summary>Before the opening ends: what it has applied need not be applied again by the next one. It could be: the log has it.</summary>
    public void WriteAppliedIfPossible()
    {
        lock (opening.Slot.Gate)
        {
            if (!opening.IsLatest)
            {
                return;
            }

            try
            {
                writer.WriteApplied(opening);
            }
            catch (Exception exception) when (exception is StoreFullException or StoreFailedException or ObjectDisposedException)
            {
                writer.LogNotWritten(opening.Slot.Name, exception);
            }
        }
    }

    /// <summary>After the opening has ended.</summary>
    public void ForgetApplied()
    {
        lock (opening.Slot.Gate)
        {
            Invariant.Require(!opening.IsLatest, "rows that are applied are forgotten only when nobody may read or write them any more");
            opening.Rows.Clear();
        }
    }

    public ValueTask<IStagedSnapshot> StageAsync(SnapshotMetadata snapshot, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        writer.RequireSpace();
        lock (opening.Slot.Gate)
        {
            opening.RequireLatest();
            if (opening.Staged is { } before)
            {
                writer.DropGenerations(opening.Slot.Number, before.Generation, before.Generation);
            }

            opening.Staged = new RocksDbStagedSnapshot(opening, opening.NextGeneration++, snapshot, writer);
            return ValueTask.FromResult<IStagedSnapshot>(opening.Staged);
        }
    }
}
