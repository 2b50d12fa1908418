using System.Collections.Immutable;

namespace MultiDc.Storage.Postgres;

/// <summary>
/// A replica as this process knows it while somebody has it open here. The authority on who may write is the epoch in the database; the
/// one here is the newest that this process has heard of, and spares the way there.
/// </summary>
internal sealed class ReplicaSlot(int number, ReplicaName name, ulong epoch)
{
    private ulong currentEpoch = epoch;
    private bool closed;

    public int Number { get; } = number;

    public ReplicaName Name { get; } = name;

    public ulong CurrentEpoch => Volatile.Read(ref currentEpoch);

    /// <summary>A later opening exists, here or elsewhere.</summary>
    public void Raise(ulong epoch)
    {
        for (var seen = CurrentEpoch; seen < epoch;)
        {
            seen = Interlocked.CompareExchange(ref currentEpoch, epoch, seen) is var found && found == seen ? epoch : found;
        }
    }

    /// <summary>Ends the latest opening of this process. The next one makes another slot object.</summary>
    public void Close() => Volatile.Write(ref closed, true);

    public void RequireLatest(Epoch epoch)
    {
        if (CurrentEpoch is var current && current != epoch.Value)
        {
            throw new FencedException(Name, epoch, new Epoch(current));
        }

        ObjectDisposedException.ThrowIf(Volatile.Read(ref closed), typeof(IReplicaStorage));
    }
}

/// <summary>What one opening of a replica knows: the bounds of its log, which are the committer's, and its unwritten rows.</summary>
internal sealed class ReplicaOpening(ReplicaSlot slot, Epoch epoch, int generation)
{
    private IOException? ended;
    private ulong logStart;
    private ulong logLast;

    public ReplicaSlot Slot { get; } = slot;

    public Epoch Epoch { get; } = epoch;

    /// <summary>The index the log was compacted into; entries are (LogStart, LogLast].</summary>
    public ulong LogStart
    {
        get => Volatile.Read(ref logStart);
        set => Volatile.Write(ref logStart, value);
    }

    public ulong LogLast
    {
        get => Volatile.Read(ref logLast);
        set => Volatile.Write(ref logLast, value);
    }

    public UnwrittenRows Rows { get; } = new(generation);

    /// <summary>The next generation to stage into; above every one that has rows.</summary>
    public int NextGeneration { get; set; }

    /// <summary>The snapshot being staged, or null.</summary>
    public PostgresStagedSnapshot? Staged { get; set; }

    /// <summary>What became of a write is not known, so neither is where the log ends: nothing more goes through this opening.</summary>
    public void End(IOException cause) => Interlocked.CompareExchange(ref ended, cause, null);

    public void RequireLatest()
    {
        Slot.RequireLatest(Epoch);
        RequireNotEnded();
    }

    public void RequireNotEnded()
    {
        if (Volatile.Read(ref ended) is { } cause)
        {
            throw new StoreUnavailableException($"replica {Slot.Name}: this opening has ended: {cause.Message}", cause);
        }
    }
}

/// <summary>
/// Rows that were applied and are not in the database yet, over the rows that are. Written behind: applying costs no way to the database,
/// keys written often are written once, and a crash loses what the log has. Two layers: what changes, and what is being written right now.
/// </summary>
internal sealed class UnwrittenRows(int generation)
{
    public static readonly ImmutableSortedDictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> None =
        ImmutableSortedDictionary.Create<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?>(
            Comparer<ReadOnlyMemory<byte>>.Create(static (one, other) => one.Span.SequenceCompareTo(other.Span)));

    private readonly ImmutableSortedDictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?>.Builder changing = None.ToBuilder();
    private ImmutableSortedDictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> writing = None;
    private readonly HashSet<PostgresStateView> unread = [];
    private ulong applied;
    private ulong durableApplied;

    public Lock Gate { get; } = new();

    public ulong Applied => Volatile.Read(ref applied);

    public ulong DurableApplied => Volatile.Read(ref durableApplied);

    /// <summary>Which rows in the database these lie over.</summary>
    public int Generation { get; private set; } = generation;

    /// <summary>About how many bytes wait.</summary>
    public int Bytes { get; private set; }

    public bool IsDirty
    {
        get
        {
            lock (Gate)
            {
                return applied > durableApplied;
            }
        }
    }

    /// <summary>Begins with what the database holds.</summary>
    public void Start(ulong index) => applied = durableApplied = index;

    public void Apply(StateBatch batch, ulong index)
    {
        foreach (var (key, value) in batch.Changes)
        {
            changing[key.ToArray()] = value is { } bytes ? bytes.ToArray() : (ReadOnlyMemory<byte>?)null;
            Bytes += key.Length + (value?.Length ?? 0) + 64;
        }

        Volatile.Write(ref applied, index);
    }

    public bool TryGet(ReadOnlyMemory<byte> key, out ReadOnlyMemory<byte>? value)
    {
        lock (Gate)
        {
            return changing.TryGetValue(key, out value) || writing.TryGetValue(key, out value);
        }
    }

    /// <summary>The layers as they are now, the later first; with the gate held.</summary>
    public ImmutableSortedDictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?>[] Layers() => [changing.ToImmutable(), writing];

    /// <summary>
    /// A view that has not read yet has no snapshot of the database yet. None may be taken after rows came in there that the view must not
    /// see: whoever writes rows makes all such views take theirs first. With the gate held.
    /// </summary>
    public void AddUnread(PostgresStateView view) => unread.Add(view);

    public void RemoveUnread(PostgresStateView view)
    {
        lock (Gate)
        {
            unread.Remove(view);
        }
    }

    /// <summary>Moves what changed over to be written; null while there are views that must first take their snapshot.</summary>
    public ImmutableSortedDictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?>? TryBeginWriting(
        out PostgresStateView[] unread, out ulong index)
    {
        lock (Gate)
        {
            unread = [.. this.unread];
            index = applied;
            if (unread.Length > 0)
            {
                return null;
            }

            Invariant.Require(writing.IsEmpty, "rows of a replica are written by one at a time");
            writing = changing.ToImmutable();
            changing.Clear();
            Bytes = 0;
            return writing;
        }
    }

    public void EndWriting(ulong index)
    {
        lock (Gate)
        {
            writing = None;
            Volatile.Write(ref durableApplied, Math.Max(durableApplied, index));
        }
    }

    /// <summary>They may be in the database or not; writing them again does no harm.</summary>
    public void FailWriting()
    {
        lock (Gate)
        {
            foreach (var (key, value) in writing)
            {
                if (changing.TryAdd(key, value))
                {
                    Bytes += key.Length + (value?.Length ?? 0) + 64;
                }
            }

            writing = None;
        }
    }

    /// <summary>An installed snapshot replaces everything.</summary>
    public void Replace(int generation, ulong index)
    {
        lock (Gate)
        {
            changing.Clear();
            writing = None;
            Bytes = 0;
            Generation = generation;
            Volatile.Write(ref applied, index);
            Volatile.Write(ref durableApplied, index);
        }
    }
}
