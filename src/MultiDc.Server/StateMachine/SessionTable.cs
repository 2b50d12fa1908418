namespace MultiDc.Server.StateMachine;

/// <summary>What became of a session's last write. The numbers are in the state rows.</summary>
internal enum SessionOutcome : byte
{
    /// <summary>The session has not written yet.</summary>
    None = 0,

    /// <summary>It was applied.</summary>
    Applied = 1,

    /// <summary>A compare-and-set found another value.</summary>
    PreconditionFailed = 2,

    /// <summary>The key was not in this shard's range.</summary>
    WrongShard = 3,

    /// <summary>The value was no integer.</summary>
    NotAnInteger = 4,

    /// <summary>The integer, value or results would have been too large.</summary>
    OutOfRange = 5,

    /// <summary>The guard's token was less than one seen before.</summary>
    FencingTokenStale = 6,

    /// <summary>There was no room for another guard, lease or key of a lease.</summary>
    LimitReached = 7,

    /// <summary>There was no such lease.</summary>
    LeaseNotFound = 8,
}

/// <summary>What is remembered of a session.</summary>
/// <param name="LastSequence">The number of its last write.</param>
/// <param name="LastUsedAt">The log index of its last write, or of its opening.</param>
/// <param name="Outcome">What became of that write.</param>
/// <param name="OutcomeRevision">Its revision.</param>
internal readonly record struct SessionRecord(SessionSequence LastSequence, LogIndex LastUsedAt, SessionOutcome Outcome, Revision OutcomeRevision);

/// <summary>
/// The sessions of one shard, bounded: opening one too many forgets the least recently used, where "recent" is told by log indexes and so
/// is the same on every replica.
/// </summary>
internal sealed class SessionTable(int maxSessions)
{
    private readonly Dictionary<SessionId, LinkedListNode<(SessionId Session, SessionRecord Record)>> nodes = [];

    // By last use. Entries are applied in the order of their indexes, so what is used goes to the end.
    private readonly LinkedList<(SessionId Session, SessionRecord Record)> byLastUse = [];

    public int Count => nodes.Count;

    public bool TryGet(SessionId session, out SessionRecord record)
    {
        var isKnown = nodes.TryGetValue(session, out var node);
        record = isKnown ? node!.Value.Record : default;
        return isKnown;
    }

    /// <summary>Adds or changes a session.</summary>
    /// <returns>The session that had to go, if any.</returns>
    public SessionId? Set(SessionId session, SessionRecord record)
    {
        if (nodes.TryGetValue(session, out var node))
        {
            byLastUse.Remove(node);
            node.Value = (session, record);
        }
        else
        {
            node = new((session, record));
            nodes.Add(session, node);
        }

        var before = byLastUse.Last;
        while (before is not null && before.Value.Record.LastUsedAt > record.LastUsedAt)
        {
            before = before.Previous;
        }

        if (before is null)
        {
            byLastUse.AddFirst(node);
        }
        else
        {
            byLastUse.AddAfter(before, node);
        }

        if (nodes.Count <= maxSessions)
        {
            return null;
        }

        var oldest = byLastUse.First!.Value.Session;
        byLastUse.RemoveFirst();
        nodes.Remove(oldest);
        return oldest;
    }

    /// <summary>Forgets what it knew and remembers these instead.</summary>
    public void Load(IEnumerable<(SessionId Session, SessionRecord Record)> records)
    {
        nodes.Clear();
        byLastUse.Clear();
        foreach (var (session, record) in records.OrderBy(static one => one.Record.LastUsedAt.Value))
        {
            Set(session, record);
        }
    }
}
