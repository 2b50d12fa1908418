using System.Diagnostics.CodeAnalysis;

namespace MultiDc.Server.StateMachine;

/// <summary>What has to be known of an entry to write over it: all but its value.</summary>
internal readonly record struct EntryHead(Revision CreateRevision, Revision ModifyRevision, ulong Version, LeaseId Lease, int ValueBytes)
{
    [return: NotNullIfNotNull(nameof(entry))]
    public static EntryHead? Of(KeyValueEntry? entry) =>
        entry is null ? null : new(entry.CreateRevision, entry.ModifyRevision, entry.Version, entry.Lease, entry.Value.Length);
}

/// <summary>How many heads the replicas of a silo may remember together.</summary>
internal sealed class EntryHeadBudget(int maxHeads = EntryHeadBudget.DefaultMaxHeads)
{
    /// <summary>Some 20 MiB, with keys of 32 bytes.</summary>
    public const int DefaultMaxHeads = 131_072;

    private int taken;

    public int Taken => Volatile.Read(ref taken);

    /// <summary>Takes room for one, if there is any.</summary>
    public bool TryTake()
    {
        if (Interlocked.Increment(ref taken) <= maxHeads)
        {
            return true;
        }

        Interlocked.Decrement(ref taken);
        return false;
    }

    public void GiveBack(int heads) => Interlocked.Add(ref taken, -heads);
}

/// <summary>
/// The heads of the entries of one replica that were written or looked up last, as they are in its store: reading each from there, in order to write over it, was an eighth
/// of a silo's processor time. Two generations: when the recent one is full, the older one is forgotten and the recent one becomes the older.
/// </summary>
internal sealed class EntryHeads(EntryHeadBudget budget)
{
    private const int MaxRecent = 8192;

    private Dictionary<ReadOnlyMemory<byte>, EntryHead> recent = new(ByteMemoryComparer.Instance);
    private Dictionary<ReadOnlyMemory<byte>, EntryHead> older = new(ByteMemoryComparer.Instance);

    public int Count => recent.Count + older.Count;

    public bool TryGet(ReadOnlyMemory<byte> row, out EntryHead head)
    {
        if (recent.TryGetValue(row, out head))
        {
            return true;
        }

        if (!older.TryGetValue(row, out head))
        {
            return false;
        }

        Set(row, head);
        return true;
    }

    /// <summary>Remembers a head, if there is room. Keeps <paramref name="row"/>: it must be no part of something larger.</summary>
    public void Set(ReadOnlyMemory<byte> row, EntryHead head)
    {
        if (recent.ContainsKey(row) || older.Remove(row) || TryTakeRoom())
        {
            recent[row] = head;
        }

        if (recent.Count >= MaxRecent)
        {
            Age();
        }
    }

    public void Remove(ReadOnlyMemory<byte> row)
    {
        if (recent.Remove(row) || older.Remove(row))
        {
            budget.GiveBack(1);
        }
    }

    /// <summary>Forgets them all.</summary>
    public void Clear()
    {
        if (Count > 0)
        {
            budget.GiveBack(Count);
            recent = new(ByteMemoryComparer.Instance);
            older = new(ByteMemoryComparer.Instance);
        }
    }

    private bool TryTakeRoom()
    {
        if (budget.TryTake())
        {
            return true;
        }

        Age();
        return budget.TryTake();
    }

    private void Age()
    {
        budget.GiveBack(older.Count);
        older.Clear();
        (recent, older) = (older, recent);
    }
}
