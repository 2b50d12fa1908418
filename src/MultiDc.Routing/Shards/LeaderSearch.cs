namespace MultiDc.Routing.Shards;

/// <summary>
/// Which replica to ask next during one request: the leader last seen, then the own datacenter's, then the others; after an answer the
/// replica it hints at, unless that one has just failed. Pure but for its own state.
/// </summary>
internal sealed class LeaderSearch
{
    private readonly IReadOnlyList<DatacenterId> datacenters;
    private readonly HashSet<DatacenterId> asked = [];
    private int position;

    public LeaderSearch(IReadOnlyList<DatacenterId> datacenters, DatacenterId local, DatacenterId? cachedLeader)
    {
        this.datacenters = datacenters;
        var preferred = cachedLeader ?? local;
        position = IndexOf(preferred);
        if (position < 0)
        {
            position = 0;
        }
    }

    /// <summary>The replica to ask.</summary>
    public DatacenterId Current => datacenters[position];

    /// <summary>
    /// Moves on after the current replica did not serve. True: ask <see cref="Current"/> at once; false: every replica, or the hinted one,
    /// was asked already in this round, so pause first.
    /// </summary>
    public bool MoveNext(DatacenterId? hint)
    {
        asked.Add(Current);
        if (hint is { } leader && IndexOf(leader) is >= 0 and var hinted && !asked.Contains(leader))
        {
            position = hinted;
            return true;
        }

        for (var step = 1; step < datacenters.Count; step++)
        {
            var candidate = (position + step) % datacenters.Count;
            if (!asked.Contains(datacenters[candidate]))
            {
                position = candidate;
                return true;
            }
        }

        asked.Clear();
        position = (position + 1) % datacenters.Count;
        return false;
    }

    private int IndexOf(DatacenterId datacenter)
    {
        for (var i = 0; i < datacenters.Count; i++)
        {
            if (datacenters[i] == datacenter)
            {
                return i;
            }
        }

        return -1;
    }
}
