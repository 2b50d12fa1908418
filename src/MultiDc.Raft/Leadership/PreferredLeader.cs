namespace MultiDc.Raft;

/// <summary>Who should lead, when some datacenters are preferred over others (§3.10 hands the leadership over).</summary>
public static class PreferredLeader
{
    /// <summary>
    /// The replica to hand the leadership to: a full voter in an earlier preferred datacenter than the leader's that is ready, in the earliest
    /// such datacenter, with the least id among several there. Nobody when the leader is in the best one already, while a joint configuration
    /// is in force, or when none is ready.
    /// </summary>
    /// <param name="order">Datacenters, most preferred first; those that are not named, and replicas whose datacenter is not told, come last.</param>
    /// <param name="configuration">The configuration in force.</param>
    /// <param name="leader">Who leads now.</param>
    /// <param name="isReady">Whether a replica was heard lately and has caught up.</param>
    public static ReplicaId Choose(
        IReadOnlyList<DatacenterTag> order, GroupConfiguration configuration, ReplicaId leader, Func<ReplicaId, bool> isReady)
    {
        ArgumentNullException.ThrowIfNull(order);
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(isReady);
        if (configuration.IsJoint)
        {
            return ReplicaId.None;
        }

        var (best, bestRank) = (ReplicaId.None, RankOf(leader));
        foreach (var voter in configuration.Voters)
        {
            // Voters ascend, so the first of equals stays.
            if (RankOf(voter) is var rank && rank < bestRank && !configuration.IsWitness(voter) && isReady(voter))
            {
                (best, bestRank) = (voter, rank);
            }
        }

        return best;

        int RankOf(ReplicaId replica)
        {
            if (configuration.Datacenters.TryGetValue(replica, out var datacenter) && datacenter != default)
            {
                for (var i = 0; i < order.Count; i++)
                {
                    if (order[i] == datacenter)
                    {
                        return i;
                    }
                }
            }

            return order.Count;
        }
    }
}
