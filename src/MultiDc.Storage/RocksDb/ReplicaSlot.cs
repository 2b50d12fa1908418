namespace MultiDc.Storage;

/// <summary>
/// A replica as this process knows it while somebody has it open. The folder is locked by this process, so <see cref="CurrentEpoch"/>
/// here is the authority on which opening is the latest; the record on disk is its memory over restarts.
/// </summary>
internal sealed class ReplicaSlot(uint number, ReplicaName name, ulong epoch, uint generation)
{
    private ulong currentEpoch = epoch;
    private bool closed;

    public uint Number { get; } = number;

    public ReplicaName Name { get; } = name;

    /// <summary>Which rows are the state; changed by the committer only.</summary>
    public uint Generation { get; set; } = generation;

    /// <summary>Held while rows are applied or staged and while the epoch is raised, so that no row of a fenced opening follows its fencing.</summary>
    public Lock Gate { get; } = new();

    /// <summary>
    /// Held while applied rows are handed to RocksDB, which whoever applies more need not wait for, and while the epoch is raised. Whoever needs both takes <see cref="Gate"/> first.
    /// </summary>
    public Lock Writing { get; } = new();

    public ulong CurrentEpoch => Volatile.Read(ref currentEpoch);

    /// <summary>Whether the latest opening has ended.</summary>
    public bool IsClosed => Volatile.Read(ref closed);

    /// <summary>Fences every earlier opening.</summary>
    public void Raise(ulong epoch)
    {
        lock (Gate)
        lock (Writing)
        {
            Invariant.Require(epoch > currentEpoch, "an epoch only rises");
            Volatile.Write(ref currentEpoch, epoch);
        }
    }

    /// <summary>Ends the latest opening. The next one makes another slot object, with a gate of its own, so nothing may pass this one.</summary>
    public void Close()
    {
        lock (Gate)
        lock (Writing)
        {
            Volatile.Write(ref closed, true);
        }
    }

    /// <summary>The same replica for its next opening, as the commits so far have made it, durable or not yet.</summary>
    public ReplicaSlot Successor() => new(Number, Name, CurrentEpoch, Generation);

    public void RequireLatest(Epoch epoch)
    {
        var current = CurrentEpoch;
        if (current != epoch.Value)
        {
            throw new FencedException(Name, epoch, new Epoch(current));
        }

        ObjectDisposedException.ThrowIf(Volatile.Read(ref closed), typeof(IReplicaStorage));
    }
}
