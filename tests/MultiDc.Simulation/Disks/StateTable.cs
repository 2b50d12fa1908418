using System.IO.Hashing;
using MultiDc.Storage;

namespace MultiDc.Simulation;

/// <summary>
/// The rows of a state machine in key order, and a hash of them all that is kept up to date row by row, so that replicas can be compared
/// after every entry. Views and the durable copy share the rows until one side changes.
/// </summary>
internal sealed class StateTable
{
    private StateRow[] rows;
    private ulong[] rowHashes;
    private bool isShared;

    public StateTable()
        : this([], [], 0, 0, 0)
    {
    }

    private StateTable(StateRow[] rows, ulong[] rowHashes, int count, ulong applied, ulong hash)
    {
        this.rows = rows;
        this.rowHashes = rowHashes;
        Count = count;
        Applied = applied;
        Hash = hash;
    }

    public int Count { get; private set; }

    public ulong Applied { get; private set; }

    /// <summary>Equal for equal rows, whatever the order in which they were written.</summary>
    public ulong Hash { get; private set; }

    public static StateTable Of(IReadOnlyList<StateRow> ascending, ulong applied)
    {
        var hashes = new ulong[ascending.Count];
        var hash = 0UL;
        for (var i = 0; i < hashes.Length; i++)
        {
            hash += hashes[i] = HashOf(ascending[i].Key.Span, ascending[i].Value.Span);
        }

        return new([.. ascending], hashes, hashes.Length, applied, hash);
    }

    /// <summary>This moment's rows; later changes of this table do not reach them.</summary>
    public StateTable Freeze()
    {
        isShared = true;
        return new(rows, rowHashes, Count, Applied, Hash) { isShared = true };
    }

    public ReadOnlyMemory<byte>? Get(ReadOnlyMemory<byte> key)
    {
        var at = Find(key.Span);
        return at < 0 ? default(ReadOnlyMemory<byte>?) : rows[at].Value;
    }

    public StateRow this[int at] => rows[at];

    /// <summary>The place of the first row at or after the key.</summary>
    public int LowerBound(ReadOnlySpan<byte> key) => Find(key) is var at && at < 0 ? ~at : at;

    public void Apply(StateBatch batch, ulong applied)
    {
        if (isShared)
        {
            (rows, rowHashes, isShared) = ([.. rows], [.. rowHashes], false);
        }

        foreach (var (key, value) in batch.Changes)
        {
            Change(key, value);
        }

        Applied = applied;
    }

    private void Change(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte>? value)
    {
        var at = Find(key.Span);
        if (at >= 0)
        {
            Hash -= rowHashes[at];
        }

        switch (at, value)
        {
            case ( >= 0, null):
                Array.Copy(rows, at + 1, rows, at, --Count - at);
                Array.Copy(rowHashes, at + 1, rowHashes, at, Count - at);
                break;
            case ( >= 0, { } bytes):
                rows[at] = new(rows[at].Key, bytes.ToArray());
                Hash += rowHashes[at] = HashOf(key.Span, bytes.Span);
                break;
            case ( < 0, { } bytes):
                Insert(~at, new(key.ToArray(), bytes.ToArray()), HashOf(key.Span, bytes.Span));
                break;
        }
    }

    private void Insert(int at, StateRow row, ulong hash)
    {
        if (Count == rows.Length)
        {
            Array.Resize(ref rows, Math.Max(16, 2 * Count));
            Array.Resize(ref rowHashes, rows.Length);
        }

        Array.Copy(rows, at, rows, at + 1, Count - at);
        Array.Copy(rowHashes, at, rowHashes, at + 1, Count - at);
        (rows[at], rowHashes[at]) = (row, hash);
        Count++;
        Hash += hash;
    }

    private int Find(ReadOnlySpan<byte> key)
    {
        var (low, high) = (0, Count - 1);
        while (low <= high)
        {
            var middle = (low + high) >> 1;
            var order = rows[middle].Key.Span.SequenceCompareTo(key);
            if (order == 0)
            {
                return middle;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        return ~low;
    }

    private static ulong HashOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        (XxHash3.HashToUInt64(key) * 0x9E3779B97F4A7C15) ^ XxHash3.HashToUInt64(value, key.Length);
}
