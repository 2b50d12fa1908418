namespace MultiDc.Storage;

/// <summary>
/// What one opening of a replica knows. Log bounds belong to the committer's thread; the state's part is guarded by the slot's gate.
/// A fenced opening keeps its own copy, which then means nothing and harms nothing.
/// </summary>
internal sealed class ReplicaOpening(ReplicaSlot slot, Epoch epoch, AppliedRowsBudget budget)
{
    private ulong applied;
    private ulong durableApplied;
    private uint generation;

    public ReplicaSlot Slot { get; } = slot;

    public Epoch Epoch { get; } = epoch;

    /// <summary>The index the log was compacted into; entries are (LogStart, LogLast].</summary>
    public ulong LogStart { get; set; }

    public ulong LogLast { get; set; }

    /// <summary>About how many bytes the entries have on disk. Never less than they have: a replaced suffix is not taken off.</summary>
    public long LogBytes { get; set; }

    /// <summary>The generation of the live rows. Changed with the slot's gate and its lock for writing held.</summary>
    public uint Generation
    {
        get => Volatile.Read(ref generation);
        set => Volatile.Write(ref generation, value);
    }

    /// <summary>The next generation to stage into; above every one that has rows.</summary>
    public uint NextGeneration { get; set; }

    /// <summary>The snapshot being staged, or null.</summary>
    public RocksDbStagedSnapshot? Staged { get; set; }

    /// <summary>Rows that were applied and are not in RocksDB yet.</summary>
    public AppliedRows Rows { get; } = new(budget);

    /// <summary>The applied index of the rows in RocksDB. Guarded by the slot's lock for writing.</summary>
    public ulong Written { get; set; }

    /// <summary>Guarded by the queue of <see cref="AppliedRowsWriter"/>.</summary>
    public bool IsQueuedForWriting { get; set; }

    public ulong Applied
    {
        get => Volatile.Read(ref applied);
        set => Volatile.Write(ref applied, value);
    }

    public ulong DurableApplied => Volatile.Read(ref durableApplied);

    /// <summary>Called with the slot's gate held.</summary>
    public void RaiseDurableApplied(ulong index) => Volatile.Write(ref durableApplied, Math.Max(durableApplied, index));

    /// <summary>Takes the share of that many of the log's entries off <see cref="LogBytes"/>. Called before the bounds move.</summary>
    public long TakeLogBytes(ulong entries)
    {
        var taken = (long)(LogBytes * ((double)entries / (LogLast - LogStart)));
        LogBytes -= taken;
        return taken;
    }

    /// <summary>Whether no later opening exists, and it has not ended.</summary>
    public bool IsLatest => Slot.CurrentEpoch == Epoch.Value && !Slot.IsClosed;

    public void RequireLatest() => Slot.RequireLatest(Epoch);
}
