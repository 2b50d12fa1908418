namespace MultiDc.Storage;

/// <summary>One <see cref="ReplicaWrite"/>: checked against the epoch and the log's end right before the batch, then put into it whole.</summary>
internal sealed class WriteCommand(
    ReplicaOpening opening, HardState? hardState, RocksDbStagedSnapshot? install, EncodedEntries entries) : StoreCommand<bool>
{
    public override bool NeedsSpace => hardState is not null || install is not null || entries.Count > 0;

    public override int SizeBytes => entries.SizeBytes + 64;

    public override void Stage(CommitBatch batch)
    {
        using (entries)
        {
            opening.RequireLatest();
            var slot = opening.Slot;
            var (start, last) = install is null ? (opening.LogStart, opening.LogLast) : (install.Index, install.Index);
            RequireJoins(start, last);
            if (install is not null)
            {
                StageInstall(batch, install);
            }

            if (entries.Count > 0)
            {
                batch.PutEntries(slot.Number, entries);
                if (entries.LastIndex < last)
                {
                    batch.DeleteEntries(slot.Number, entries.LastIndex + 1, last);
                }

                last = entries.LastIndex;
                opening.LogBytes += entries.SizeBytes;
            }

            if (hardState is { } value)
            {
                batch.PutHardState(slot.Number, value);
            }

            (opening.LogStart, opening.LogLast) = (start, last);
        }
    }

    public override void Fail(Exception exception)
    {
        entries.Dispose();
        base.Fail(exception);
    }

    protected override bool Result()
    {
        install?.Adopt();
        return true;
    }

    private void RequireJoins(ulong start, ulong last)
    {
        if (install is not null)
        {
            install.RequireInstallable();
        }

        if (entries.Count == 0)
        {
            return;
        }

        Invariant.Require(entries.FirstIndex > start, "entries that were compacted away are committed and never replaced");
        if (entries.FirstIndex > last + 1)
        {
            throw new LogGapException($"replica {opening.Slot.Name}: an entry at {entries.FirstIndex} does not join a log that ends at {last}");
        }
    }

    /// <summary>Log, log start and the generation that is the state change in one batch: a crash leaves all or nothing.</summary>
    private void StageInstall(CommitBatch batch, RocksDbStagedSnapshot snapshot)
    {
        var slot = opening.Slot;
        slot.Generation = snapshot.Generation;
        batch.PutReplica(slot.Number, new ReplicaRecord(opening.Epoch.Value, snapshot.Generation));
        batch.PutLogStart(slot.Number, snapshot.Metadata);
        if (opening.LogLast > opening.LogStart)
        {
            batch.DeleteEntries(slot.Number, opening.LogStart + 1, opening.LogLast);
            batch.CompactedBytes += opening.TakeLogBytes(opening.LogLast - opening.LogStart);
        }
    }
}
