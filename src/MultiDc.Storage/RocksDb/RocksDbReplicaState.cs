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
        var (slot, generation) = (opening.Slot, opening.Generation);
        using var write = writer.Begin();
        foreach (var (key, value) in batch.Changes)
        {
            var row = StoreKeys.Row(slot.Number, generation, key.Span);
            if (value is { } bytes)
            {
                write.Put(row, bytes.Span);
            }
            else
            {
                write.Delete(row);
            }
        }

        // In the same batch as the rows it describes: after a crash it says exactly what they contain.
        write.Put(StoreKeys.Applied(slot.Number, generation), StoreRecords.EncodeApplied(applied.Value));
        lock (slot.Gate)
        {
            opening.RequireLatest();
            write.Commit();
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
            return new RocksDbStateView(
                opening.Slot, opening.Generation, new LogIndex(opening.Applied), database, database.TakeSnapshot());
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
