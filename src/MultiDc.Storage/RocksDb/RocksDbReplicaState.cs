namespace MultiDc.Storage;

/// <summary>The rows of one opening of a replica.</summary>
internal sealed class RocksDbReplicaState(
    ReplicaOpening opening, StoreDatabase database, RocksDbStateWriter writer, AppliedRowsWriter rowsWriter, StateFlusher flusher) : IReplicaState
{
    public LogIndex Applied => new(opening.Applied);

    public LogIndex DurableApplied => new(opening.DurableApplied);

    /// <summary>For tests of what waits in memory.</summary>
    internal AppliedRows Rows => opening.Rows;

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
            opening.Rows.Add(batch);
            opening.Applied = applied.Value;
            flusher.MarkDirty(opening);

            // Not before the next are added: a replica that falls silent would keep a large batch for as long.
            if (opening.Rows.IsFull && (opening.Rows.IsBudgetSpent || !rowsWriter.TryWrite(opening)))
            {
                WriteAppliedUnlessDiskIsFull();
            }
        }

        return ValueTask.CompletedTask;
    }

    public async ValueTask FlushAsync(CancellationToken cancellationToken = default) =>
        await flusher.FlushAsync().WaitAsync(cancellationToken).ConfigureAwait(false);

    public ValueTask<ReadOnlyMemory<byte>?> GetAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        while (true)
        {
            var generation = opening.Generation;
            ReadOnlyMemory<byte>? value;
            if (opening.Rows.TryGet(key, out var row))
            {
                using var lease = database.Enter();
                value = row;
            }
            else
            {
                value = HardRecords.Get(database, database.State, StoreKeys.Row(opening.Slot.Number, generation, key.Span), opening.Slot.Name) is { } bytes
                    ? bytes
                    : (ReadOnlyMemory<byte>?)null;
            }

            // Asked after the read: a later opening, or a snapshot, may have replaced and dropped the generation that was read.
            opening.RequireLatest();
            if (opening.Generation == generation)
            {
                return ValueTask.FromResult(value);
            }
        }
    }

    public IReplicaStateView OpenView()
    {
        lock (opening.Slot.Gate)
        lock (opening.Slot.Writing)
        {
            opening.RequireLatest();

            // On a full disk writes are refused, but reads go on.
            var waiting = WriteAppliedUnlessDiskIsFull() ? [] : opening.Rows.InOrder();
            return new RocksDbStateView(
                opening.Slot, opening.Generation, new LogIndex(opening.Applied), database, database.TakeSnapshot(), waiting);
        }
    }

    /// <summary>Called with the slot's gate held, of the latest opening.</summary>
    /// <returns>False: the rows stay in memory, and until there is space again nothing is applied.</returns>
    private bool WriteAppliedUnlessDiskIsFull()
    {
        try
        {
            writer.WriteApplied(opening);
            return true;
        }
        catch (StoreFullException)
        {
            return false;
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
        lock (opening.Slot.Writing)
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
