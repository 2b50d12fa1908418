namespace MultiDc.Raft;

/// <summary>
/// A configuration in the making. Changes are wishes about the incoming half; the outgoing half never changes, and whoever votes there
/// stays a member. A wish for what is so already changes nothing.
/// </summary>
internal sealed class ConfigurationDraft(GroupConfiguration start)
{
    private readonly SortedSet<ReplicaId> learnersNext = [.. start.LearnersNext];
    private readonly SortedSet<ReplicaId> witnesses = [.. start.Witnesses];
    private readonly SortedDictionary<ReplicaId, DatacenterTag> datacenters = new(start.Datacenters);

    public SortedSet<ReplicaId> Voters { get; } = [.. start.Voters];

    public SortedSet<ReplicaId> Learners { get; } = [.. start.Learners];

    /// <summary>Carries out the change, or says why it cannot be.</summary>
    public string? Apply(ConfigurationChange change)
    {
        var id = change.Replica;
        if (id.IsNone)
        {
            return "a change must name a replica";
        }

        if (change.Kind == ConfigurationChangeKind.Remove)
        {
            Remove(id);
            return null;
        }

        // Also what was removed within this very change has not lost its past.
        var isWitness = change.Kind == ConfigurationChangeKind.AddWitness;
        if ((Contains(id) || start.Contains(id)) && witnesses.Contains(id) != isWitness)
        {
            return $"{id} can't become a witness, nor stop being one: remove it and add another";
        }

        if (!change.Datacenter.IsNotTold && !datacenters.TryAdd(id, change.Datacenter) && datacenters[id] != change.Datacenter)
        {
            return $"{id} is in another datacenter";
        }

        switch (change.Kind)
        {
            case ConfigurationChangeKind.AddVoter:
                MakeVoter(id);
                break;
            case ConfigurationChangeKind.AddWitness:
                MakeVoter(id);
                witnesses.Add(id);
                break;
            case ConfigurationChangeKind.AddLearner:
                MakeLearner(id);
                break;
            default:
                return $"change kind {(int)change.Kind} is unknown";
        }

        return null;
    }

    /// <summary>The result, without what was known of replicas that are no members any more.</summary>
    public GroupConfiguration ToConfiguration() => start with
    {
        Voters = [.. Voters],
        Learners = [.. Learners],
        LearnersNext = [.. learnersNext],
        Witnesses = [.. witnesses.Where(Contains)],
        Datacenters = start.Datacenters.Clear().AddRange(datacenters.Where(at => Contains(at.Key))),
    };

    private bool Contains(ReplicaId id) => Voters.Contains(id) || Learners.Contains(id) || start.OutgoingVoters.Contains(id);

    private void MakeVoter(ReplicaId id)
    {
        Learners.Remove(id);
        learnersNext.Remove(id);
        Voters.Add(id);
    }

    private void MakeLearner(ReplicaId id)
    {
        if (Learners.Contains(id))
        {
            return;
        }

        Remove(id);

        // Nobody is a voter and a learner at once, so one that still votes in the outgoing half waits.
        (start.OutgoingVoters.Contains(id) ? learnersNext : Learners).Add(id);
    }

    private void Remove(ReplicaId id)
    {
        Voters.Remove(id);
        Learners.Remove(id);
        learnersNext.Remove(id);
        if (!start.Contains(id))
        {
            witnesses.Remove(id);
        }
    }
}
