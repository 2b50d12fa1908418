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
    private readonly Dictionary<SessionId, SessionRecord> records = [];
    private readonly SortedDictionary<ulong, SessionId> byLastUse = [];

    public int Count => records.Count;

    public bool TryGet(SessionId session, out SessionRecord record) => records.TryGetValue(session, out record);

    /// <summary>Adds or changes a session.</summary>
    /// <returns>The session that had to go, if any.</returns>
    public SessionId? Set(SessionId session, SessionRecord record)
    {
        if (records.TryGetValue(session, out var before))
        {
            byLastUse.Remove(before.LastUsedAt.Value);
        }

        records[session] = record;
        byLastUse.Add(record.LastUsedAt.Value, session);
        if (records.Count <= maxSessions)
        {
            return null;
        }

        var (oldestUse, oldest) = byLastUse.First();
        byLastUse.Remove(oldestUse);
        records.Remove(oldest);
        return oldest;
    }

    public void Clear()
    {
        records.Clear();
        byLastUse.Clear();
    }
}
