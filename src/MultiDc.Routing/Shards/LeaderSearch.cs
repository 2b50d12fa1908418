namespace MultiDc.Routing.Shards;

/// <summary>
/// Which replica to ask next during one request: the leader last seen, then the own datacenter's, then the others; after an answer the
/// replica it hints at, unless that one has just failed. Datacenters whose links are down come last: what is down may answer after all, but
/// waiting for it costs the request its patience. Pure but for its own state.
/// </summary>
internal sealed class LeaderSearch
{
    private readonly IReadOnlyList<DatacenterId> datacenters;
    private readonly Func<DatacenterId, bool> isUp;
    private readonly HashSet<DatacenterId> asked = [];
    private int position;

    public LeaderSearch(IReadOnlyList<DatacenterId> datacenters, DatacenterId local, DatacenterId? cachedLeader, Func<DatacenterId, bool> isUp)
    {
        this.datacenters = datacenters;
        this.isUp = isUp;
        position = Math.Max(0, IndexOf(cachedLeader ?? local));
        if (!isUp(Current))
        {
            var candidate = IndexOf(local);
            position = candidate >= 0 && isUp(local) ? candidate : Next(static (search, datacenter) => search.isUp(datacenter)) ?? position;
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
        if (hint is { } leader && IndexOf(leader) is >= 0 and var hinted && !asked.Contains(leader) && isUp(leader))
        {
            position = hinted;
            return true;
        }

        if ((Next(static (search, datacenter) => !search.asked.Contains(datacenter) && search.isUp(datacenter))
            ?? Next(static (search, datacenter) => !search.asked.Contains(datacenter))) is { } next)
        {
            position = next;
            return true;
        }

        asked.Clear();
        position = Next(static (search, datacenter) => search.isUp(datacenter)) ?? (position + 1) % datacenters.Count;
        return false;
    }

    // The first after the current one of which it holds, the current one left out.
    private int? Next(Func<LeaderSearch, DatacenterId, bool> holds)
    {
        for (var step = 1; step < datacenters.Count; step++)
        {
            var candidate = (position + step) % datacenters.Count;
            if (holds(this, datacenters[candidate]))
            {
                return candidate;
            }
        }

        return null;
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
