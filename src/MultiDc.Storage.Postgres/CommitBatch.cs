using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace MultiDc.Storage.Postgres;

/// <summary>
/// One statement in the making: what its commands want of each replica, each on top of the earlier ones. Nothing outside it changes before
/// the database has answered, so that a refused batch is thrown away and made again.
/// </summary>
internal sealed class CommitBatch(ReplicaTable replicas)
{
    private readonly SortedDictionary<int, ReplicaChanges> changes = [];
    private readonly Dictionary<ReplicaName, ReplicaSlot> found = [];

    public ReplicaTable Replicas { get; } = replicas;

    /// <summary>The rows of the replicas that are opened in this batch, as they were right before it; damaged ones with what is wrong.</summary>
    public Dictionary<ReplicaName, (ReplicaRow? Row, StoreCorruptedException? Damage)> Rows { get; } = [];

    public SortedDictionary<string, ReplicaFounding> Foundings { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, byte[]> Records { get; } = new(StringComparer.Ordinal);

    /// <summary>
    /// Records that take the place of what is there. They are written after those that are added: whichever came first, the key then holds
    /// what was put, and whoever added is told so.
    /// </summary>
    public SortedDictionary<string, byte[]> Replacements { get; } = new(StringComparer.Ordinal);

    /// <summary>What changes, ordered by slot, so that batches of two silos lock rows in the same order.</summary>
    public IReadOnlyCollection<ReplicaChanges> Changes => changes.Values;

    public bool IsEmpty => changes.Count == 0 && Foundings.Count == 0 && Records.Count == 0 && Replacements.Count == 0;

    /// <summary>The epoch of the slot as it will be after this batch.</summary>
    public ulong EpochOf(ReplicaSlot slot) => changes.TryGetValue(slot.Number, out var of) && of.NewEpoch is { } raised ? raised : slot.CurrentEpoch;

    /// <summary>What to change of an opening's replica.</summary>
    /// <exception cref="FencedException">A later opening exists, or is in this batch.</exception>
    public ReplicaChanges Of(ReplicaOpening opening)
    {
        var current = EpochOf(opening.Slot);
        if (current != opening.Epoch.Value)
        {
            throw new FencedException(opening.Slot.Name, opening.Epoch, new Epoch(current));
        }

        opening.RequireLatest();
        if (!changes.TryGetValue(opening.Slot.Number, out var of))
        {
            changes.Add(opening.Slot.Number, of = new ReplicaChanges(opening.Slot, opening.Epoch.Value, opening.Rows.Generation));
        }

        of.Begin(opening);
        return of;
    }

    /// <summary>The slot of a replica that is being opened.</summary>
    public bool TryFind(ReplicaName name, [NotNullWhen(true)] out ReplicaSlot? slot)
    {
        slot = null;
        if (!Rows.TryGetValue(name, out var stored))
        {
            return false;
        }

        if (stored.Damage is { } damage)
        {
            throw damage;
        }

        if (!Replicas.TryGet(name, out slot) && !found.TryGetValue(name, out slot))
        {
            found.Add(name, slot = new ReplicaSlot(stored.Row!.Slot, name, stored.Row.Epoch));
        }

        return true;
    }

    /// <summary>Raises the epoch by one opening.</summary>
    public ReplicaOpening Raise(ReplicaSlot slot)
    {
        if (!changes.TryGetValue(slot.Number, out var of))
        {
            changes.Add(slot.Number, of = new ReplicaChanges(slot, slot.CurrentEpoch, Rows[slot.Name].Row!.Generation));
        }

        of.NewEpoch = checked((of.NewEpoch ?? of.Epoch) + 1);
        return new ReplicaOpening(slot, new Epoch(of.NewEpoch.Value), of.Generation);
    }

    /// <summary>The batch is durable.</summary>
    public void Adopt()
    {
        foreach (var of in changes.Values)
        {
            if (of.NewEpoch is { } raised)
            {
                of.Slot.Raise(raised);
                Replicas.Add(of.Slot);
            }

            of.Adopt();
        }
    }

    /// <summary>Nobody knows whether the batch is durable: what was written through ends.</summary>
    public void End(IOException cause)
    {
        foreach (var of in changes.Values)
        {
            of.Opening?.End(cause);
        }
    }
}

/// <summary>What a batch changes of one replica.</summary>
internal sealed class ReplicaChanges(ReplicaSlot slot, ulong epoch, int generation)
{
    private readonly List<ReadOnlyMemory<byte>> entries = [];

    public ReplicaSlot Slot { get; } = slot;

    /// <summary>The epoch that the replica must have.</summary>
    public ulong Epoch { get; } = epoch;

    public ulong? NewEpoch { get; set; }

    public int Generation { get; private set; } = generation;

    /// <summary>Through which it is written; null: it is only opened.</summary>
    public ReplicaOpening? Opening { get; private set; }

    public ulong LogStart { get; private set; }

    public ulong LogLast { get; private set; }

    /// <summary>Entries to add, the first at <see cref="FirstIndex"/>.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Entries => entries;

    public ulong FirstIndex { get; private set; }

    /// <summary>Stored entries from here on go; null: none.</summary>
    public ulong? DeleteFrom { get; private set; }

    /// <summary>Stored entries up to here go; null: none.</summary>
    public ulong? DeleteTo { get; private set; }

    public SnapshotMetadata? Start { get; private set; }

    public HardState? HardState { get; set; }

    public PostgresStagedSnapshot? Installed { get; private set; }

    public bool ChangesRecord => NewEpoch is not null || Installed is not null;

    public void Begin(ReplicaOpening opening)
    {
        if (Opening is null)
        {
            (Opening, LogStart, LogLast) = (opening, opening.LogStart, opening.LogLast);
        }
    }

    public void Append(EncodedEntries added)
    {
        if (added.Count == 0)
        {
            return;
        }

        var first = added.FirstIndex;
        if (entries.Count > 0 && first >= FirstIndex)
        {
            // It joins or replaces what this batch adds itself.
            var kept = (int)(first - FirstIndex);
            entries.RemoveRange(kept, entries.Count - kept);
        }
        else
        {
            if (first <= LogLast)
            {
                DeleteFrom = Math.Min(DeleteFrom ?? first, first);
            }

            entries.Clear();
            FirstIndex = first;
        }

        for (var i = 0; i < added.Count; i++)
        {
            entries.Add(added.Slice(i));
        }

        LogLast = added.LastIndex;
    }

    public void Compact(SnapshotMetadata to)
    {
        var index = to.LastIncluded.Index.Value;
        if (entries.Count > 0 && FirstIndex <= index)
        {
            // Applied entries are durable, so what this batch adds lies behind them, unless it replaces entries that were applied.
            throw new RaftInvariantException("an applied entry is never replaced");
        }

        (Start, DeleteTo, LogStart) = (to, index, index);
    }

    public void Install(PostgresStagedSnapshot snapshot)
    {
        entries.Clear();
        (Installed, Generation, Start) = (snapshot, snapshot.Generation, snapshot.Metadata);
        (DeleteFrom, DeleteTo) = (0, null);
        (LogStart, LogLast) = (snapshot.Index, snapshot.Index);
    }

    public void Adopt()
    {
        if (Opening is { } opening)
        {
            (opening.LogStart, opening.LogLast) = (LogStart, LogLast);
        }
    }
}
