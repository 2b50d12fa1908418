namespace MultiDc.Routing.Shards;

/// <summary>
/// Which replica to ask next during one request: the leader last seen, then one of the own datacenter's, then the others; after an answer the
/// replica it hints at, unless that one has just failed. Datacenters whose links are down come last: what is down may answer after all, but
/// waiting for it costs the request its patience. Pure but for its own state.
/// </summary>
internal sealed class LeaderSearch
{
    private readonly IReadOnlyList<ReplicaPlace> replicas;
    private readonly Func<DatacenterId, bool> isUp;

    // Most requests are served by the first they ask.
    private HashSet<ReplicaPlace>? asked;
    private int position;

    public LeaderSearch(IReadOnlyList<ReplicaPlace> replicas, DatacenterId local, ReplicaPlace? cachedLeader, Func<DatacenterId, bool> isUp)
    {
        this.replicas = replicas;
        this.isUp = isUp;
        position = Math.Max(0, IndexOf(cachedLeader ?? local));
        if (!isUp(Current.Datacenter))
        {
            var candidate = IndexOf(local);
            position = candidate >= 0 && isUp(local) ? candidate : Next(static (search, replica) => search.isUp(replica.Datacenter)) ?? position;
        }
    }

    /// <summary>The replica to ask.</summary>
    public ReplicaPlace Current => replicas[position];

    /// <summary>
    /// Moves on after the current replica did not serve. True: ask <see cref="Current"/> at once; false: every replica, or the hinted one,
    /// was asked already in this round, so pause first.
    /// </summary>
    public bool MoveNext(ReplicaPlace? hint)
    {
        var asked = this.asked ??= [];
        asked.Add(Current);
        if (hint is { } leader && IndexOf(leader) is >= 0 and var hinted && !asked.Contains(leader) && isUp(leader.Datacenter))
        {
            position = hinted;
            return true;
        }

        if ((Next(static (search, replica) => !search.asked!.Contains(replica) && search.isUp(replica.Datacenter))
            ?? Next(static (search, replica) => !search.asked!.Contains(replica))) is { } next)
        {
            position = next;
            return true;
        }

        asked.Clear();
        position = Next(static (search, replica) => search.isUp(replica.Datacenter)) ?? (position + 1) % replicas.Count;
        return false;
    }

    // The first after the current one of which it holds, the current one left out.
    private int? Next(Func<LeaderSearch, ReplicaPlace, bool> holds)
    {
        for (var step = 1; step < replicas.Count; step++)
        {
            var candidate = (position + step) % replicas.Count;
            if (holds(this, replicas[candidate]))
            {
                return candidate;
            }
        }

        return null;
    }

    private int IndexOf(ReplicaPlace replica)
    {
        for (var i = 0; i < replicas.Count; i++)
        {
            if (replicas[i] == replica)
            {
                return i;
            }
        }

        return -1;
    }
}
