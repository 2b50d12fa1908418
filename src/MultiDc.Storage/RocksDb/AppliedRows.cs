using System.Runtime.InteropServices;

namespace MultiDc.Storage;

/// <summary>
/// The rows of one opening that were applied and not handed to RocksDB yet: of each key the latest, in a hash table. What is written again soon
/// never gets there, and what does gets there in order, both of which spare searches among many rows in memory. They are as volatile as RocksDB's own memory,
/// past whose write-ahead log rows are written: a crash loses both, and the log has the entries. Added to with the slot's gate held, handed over with its lock for writing, read on any thread.
/// <para>
/// What is being handed over is <see cref="Freeze">frozen</see>: others are added beside it meanwhile, so that whoever applies need not wait for a thousand rows to be written.
/// </para>
/// <para>
/// What was handed over lately is kept beside them, as RocksDB has it: a write looks at what it replaces, and to search RocksDB for that took longer than all the rest of it.
/// </para>
/// </summary>
internal sealed class AppliedRows(AppliedRowsBudget budget)
{
    // Beside key and value: the table's entry and the headers of the two arrays.
    private const int OverheadBytes = 112;

    // While so many move from one table to another, nobody can look a row up.
    private const int RowsMovedTogether = 256;

    private readonly Lock gate = new();
    private Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> rows = new(ByContent.Instance);
    private Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?>? frozen;
    private Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?>? spare;
    private Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> handedOver = new(ByContent.Instance);
    private long bytes;
    private long frozenBytes;
    private long handedOverBytes;

    /// <summary>Whether they should be written now.</summary>
    public bool IsFull => Volatile.Read(ref bytes) is var held && (held >= budget.MaxBytesOfOne || (held >= budget.LeastBytesOfOne && budget.IsNearlySpent));

    /// <summary>Whether the rows of all replicas together have no room to wait in.</summary>
    public bool IsBudgetSpent => budget.IsSpent;

    /// <summary>The applied index of the frozen rows; null: none are. Guarded by the slot's lock for writing.</summary>
    public ulong? FrozenUpTo { get; private set; }

    /// <summary>Looks a key up.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">Its value; null: it was deleted.</param>
    /// <returns>False: RocksDB knows what it is.</returns>
    public bool TryGet(ReadOnlyMemory<byte> key, out ReadOnlyMemory<byte>? value)
    {
        lock (gate)
        {
            return rows.TryGetValue(key, out value) || (frozen?.TryGetValue(key, out value) ?? false) || handedOver.TryGetValue(key, out value);
        }
    }

    /// <summary>Adds the changes, all at once to whoever reads. Keeps their memory.</summary>
    public void Add(StateBatch batch)
    {
        var added = 0L;
        lock (gate)
        {
            foreach (var (key, value) in batch.Changes)
            {
                ref var row = ref CollectionsMarshal.GetValueRefOrAddDefault(rows, key, out var isKnown);
                added += (value?.Length ?? 0) - (row?.Length ?? 0) + (isKnown ? 0 : OverheadBytes + key.Length);
                row = value;
            }
        }

        Count(added);
    }

    /// <summary>
    /// Freezes all rows, to be handed over together: what is added from now on is not among them. Requires that none are frozen. Called with the slot's gate and its lock for writing held.
    /// </summary>
    /// <param name="applied">Up to where the rows are the state.</param>
    public void Freeze(ulong applied)
    {
        Invariant.Require(FrozenUpTo is null, "rows are frozen when those before them are handed over");
        lock (gate)
        {
            (frozen, rows, spare) = (rows, spare ?? new(ByContent.Instance), null);
            frozenBytes = bytes;
            Volatile.Write(ref bytes, 0);
        }

        FrozenUpTo = applied;
    }

    /// <summary>The frozen rows by key. Called with the slot's lock for writing held.</summary>
    public KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?>[] FrozenInOrder() => Sorted([.. frozen ?? []]);

    /// <summary>All that RocksDB does not have, by key. Called with the slot's gate and its lock for writing held.</summary>
    public KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?>[] InOrder()
    {
        lock (gate)
        {
            return Sorted([.. rows, .. (frozen ?? []).Where(row => !rows.ContainsKey(row.Key))]);
        }
    }

    /// <summary>RocksDB has the frozen ones now. Called with the slot's lock for writing held.</summary>
    public void HandOver()
    {
        Invariant.Require(frozen is not null, "what is handed over was frozen");
        long handed;
        long kept;
        lock (gate)
        {
            handed = frozenBytes;

            // Those of before are forgotten together when there are too many: no order is kept among them.
            if (handedOverBytes + frozenBytes > budget.MaxHandedOverBytes)
            {
                (handedOver, handedOverBytes) = frozenBytes > budget.MaxHandedOverBytes ? (new(ByContent.Instance), 0) : (frozen, frozenBytes);
                (frozen, frozenBytes) = (null, 0);
            }
        }

        if (frozen is { } moving)
        {
            // They are found in either table until the last has moved.
            foreach (var some in moving.Chunk(RowsMovedTogether))
            {
                Keep(some);
            }

            lock (gate)
            {
                (frozen, frozenBytes) = (null, 0);
            }

            // Nobody reads it any more; a new table would have to grow.
            moving.Clear();
            lock (gate)
            {
                spare = moving;
            }
        }

        lock (gate)
        {
            kept = handedOverBytes;
        }

        FrozenUpTo = null;
        budget.Count(-handed);
        budget.Keep(this, kept);
    }

    /// <summary>Forgets what RocksDB has.</summary>
    public void ForgetHandedOver()
    {
        lock (gate)
        {
            handedOver = new(ByContent.Instance);
            handedOverBytes = 0;
        }
    }

    /// <summary>Forgets them all: they are replaced, or nobody wants them any more. Called with the slot's gate and its lock for writing held.</summary>
    public void Clear()
    {
        long forgotten;
        lock (gate)
        {
            rows.Clear();
            forgotten = bytes + frozenBytes;
            (frozen, frozenBytes) = (null, 0);
            Volatile.Write(ref bytes, 0);

            // At once with those above: whoever has read a newer one there must not find an older one here.
            (handedOver, handedOverBytes) = (new(ByContent.Instance), 0);
        }

        FrozenUpTo = null;
        budget.Count(-forgotten);
        budget.Keep(this, 0);
    }

    /// <summary>
    /// Gives back tables that are much larger than what is in them. The bytes of rows have their share of it in them, but it stays as large as the rows were once, and
    /// those of many replicas that each were busy at some time would be more than all the rows may be. Called with the slot's gate and its lock for writing held.
    /// </summary>
    public void ShrinkTables()
    {
        lock (gate)
        {
            spare = null;
            if (rows.Count < rows.Capacity / 4)
            {
                rows.TrimExcess();
            }
        }
    }

    /// <summary>How many rows the tables have room for. For tests.</summary>
    internal int Capacity
    {
        get
        {
            lock (gate)
            {
                return rows.Capacity + (frozen?.Capacity ?? 0) + (spare?.Capacity ?? 0);
            }
        }
    }

    private void Keep(KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?>[] some)
    {
        lock (gate)
        {
            foreach (var (key, value) in some)
            {
                ref var row = ref CollectionsMarshal.GetValueRefOrAddDefault(handedOver, key, out var isKnown);
                handedOverBytes += (value?.Length ?? 0) - (row?.Length ?? 0) + (isKnown ? 0 : OverheadBytes + key.Length);
                row = value;
            }
        }
    }

    private static KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?>[] Sorted(KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?>[] all)
    {
        Array.Sort(all, static (x, y) => x.Key.Span.SequenceCompareTo(y.Key.Span));
        return all;
    }

    private void Count(long more)
    {
        Volatile.Write(ref bytes, bytes + more);
        budget.Count(more);
    }

    private sealed class ByContent : IEqualityComparer<ReadOnlyMemory<byte>>
    {
        public static readonly ByContent Instance = new();

        public bool Equals(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceEqual(y.Span);

        public int GetHashCode(ReadOnlyMemory<byte> key)
        {
            var hash = new HashCode();
            hash.AddBytes(key.Span);
            return hash.ToHashCode();
        }
    }
}

/// <summary>How many bytes the applied rows of a store's replicas may have before they are handed to RocksDB, and as many afterwards.</summary>
/// <param name="maxBytes">All together: when they have nearly as many, each that grows is written, if it is worth a write; when they have as many, at once.</param>
internal sealed class AppliedRowsBudget(long maxBytes)
{
    private readonly Lock gate = new();

    // Who keeps rows that RocksDB has: first whoever handed over the longest ago.
    private readonly LinkedList<AppliedRows> keepers = new();
    private readonly Dictionary<AppliedRows, (LinkedListNode<AppliedRows> Place, long Bytes)> kept = [];
    private long held;
    private long handedOver;

    /// <summary>
    /// A replica's rows are written when they have become this many. The more, the more of them are written again before, and the nearer each is to the last one's place; but RocksDB
    /// takes no other write meanwhile, not those of the log either: that many small rows take it some milliseconds.
    /// </summary>
    public long MaxBytesOfOne => Math.Min(4 * 1024 * 1024, maxBytes);

    /// <summary>Fewer are not worth a write.</summary>
    public long LeastBytesOfOne => Math.Min(32 * 1024, maxBytes / 2);

    /// <summary>What all together keep of what they have handed over.</summary>
    public long MaxHandedOverBytes => maxBytes;

    public bool IsSpent => HeldBytes >= maxBytes;

    /// <summary>Whether rows should be written before there is no room for others to wait beside them.</summary>
    public bool IsNearlySpent => HeldBytes >= maxBytes - (maxBytes / 4);

    public long HeldBytes => Interlocked.Read(ref held);

    /// <summary>What they keep of what they have handed over.</summary>
    public long HandedOverBytes
    {
        get
        {
            lock (gate)
            {
                return handedOver;
            }
        }
    }

    public void Count(long bytes) => Interlocked.Add(ref held, bytes);

    /// <summary>Rows that were just handed over are kept; if there are too many now, those of others are forgotten.</summary>
    public void Keep(AppliedRows rows, long bytes)
    {
        List<AppliedRows>? forgetting = null;
        lock (gate)
        {
            Remove(rows);
            if (bytes > 0)
            {
                kept.Add(rows, (keepers.AddLast(rows), bytes));
                handedOver += bytes;
            }

            while (handedOver > maxBytes && keepers.First is { Value: var other } && other != rows)
            {
                Remove(other);
                (forgetting ??= []).Add(other);
            }
        }

        forgetting?.ForEach(static other => other.ForgetHandedOver());
    }

    private void Remove(AppliedRows rows)
    {
        if (kept.Remove(rows, out var entry))
        {
            keepers.Remove(entry.Place);
            handedOver -= entry.Bytes;
        }
    }
}
