namespace MultiDc.Storage;

/// <summary>
/// A snapshot being received into a generation of rows of its own. Nobody reads that generation until a synced batch names it the
/// state; before that batch its rows are flushed, so the state a crash brings back is never half of it.
/// </summary>
internal sealed class RocksDbStagedSnapshot(
    ReplicaOpening opening, uint generation, SnapshotMetadata metadata, RocksDbStateWriter writer) : IStagedSnapshot
{
    private byte[]? lastKey;
    private bool isSealed;

    public SnapshotMetadata Metadata { get; } = metadata;

    public uint Generation { get; } = generation;

    public ulong Index => Metadata.LastIncluded.Index.Value;

    public ValueTask AddAsync(IReadOnlyList<StateRow> rows, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        writer.RequireSpace();
        using var write = writer.Begin();
        foreach (var (key, value) in rows)
        {
            Invariant.Require(
                lastKey is null || key.Span.SequenceCompareTo(lastKey) > 0, "keys of a staged snapshot ascend over all calls");
            write.Put(StoreKeys.Row(opening.Slot.Number, Generation, key.Span), value.Span);
            lastKey = key.ToArray();
        }

        lock (opening.Slot.Gate)
        {
            RequireCurrent();
            Invariant.Require(!isSealed, "nothing is added to a snapshot that is being installed");
            write.Commit();
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>Writes the applied index beside the rows. After this and a flush the generation is complete on disk.</summary>
    public void Seal()
    {
        using var write = writer.Begin();
        write.Put(StoreKeys.Applied(opening.Slot.Number, Generation), StoreRecords.EncodeApplied(Index));
        lock (opening.Slot.Gate)
        {
            RequireCurrent();
            isSealed = true;
            write.Commit();
        }
    }

    /// <summary>Called by the committer before it puts the install into a batch.</summary>
    public void RequireInstallable()
    {
        Invariant.Require(isSealed && ReferenceEquals(opening.Staged, this), "what is installed is the snapshot staged last, complete");
        Invariant.Require(Index >= opening.Applied, "a snapshot never takes the state back");
    }

    /// <summary>Called by the committer when the batch that names this generation the state is durable.</summary>
    public void Adopt()
    {
        lock (opening.Slot.Gate)
        lock (opening.Slot.Writing)
        {
            var old = opening.Generation;
            opening.Generation = Generation;
            opening.Rows.Clear();
            (opening.Applied, opening.Written) = (Index, Index);
            opening.RaiseDurableApplied(Index);
            opening.Staged = null;
            writer.DropGenerations(opening.Slot.Number, old, old);
        }

        writer.LogInstalled(opening.Slot.Name, Index);
    }

    private void RequireCurrent()
    {
        opening.RequireLatest();
        if (!ReferenceEquals(opening.Staged, this))
        {
            throw new InvalidOperationException(
                $"the snapshot of replica {opening.Slot.Name} up to {Index} is not staged any more: another one was begun, or it is installed");
        }
    }
}
