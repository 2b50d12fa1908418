namespace MultiDc.Server.Replacements;

/// <summary>What is to be done next so that a replica is on its new home, and nowhere else. Pure.</summary>
/// <param name="Changes">To be proposed, in one change of the membership. Empty: nothing, or not now.</param>
/// <param name="IsSettled">Whether nothing is left to do.</param>
internal sealed record ReplacementPlan(IReadOnlyList<ConfigurationChange> Changes, bool IsSettled)
{
    /// <summary>Why the new home can never take the place of the old one; null when it can.</summary>
    public string? Refusal { get; private init; }

    private static readonly ReplacementPlan Wait = new([], false);
    private static readonly ReplacementPlan Settled = new([], true);

    /// <summary>
    /// The new member comes as a learner, which has no vote; when it has caught up it is made a voter and the old one removed, in one (joint) change,
    /// so that the group never has more voters than it was founded with. A witness has nothing to catch up with.
    /// </summary>
    /// <param name="configuration">The group's members now.</param>
    /// <param name="isCommitted">Whether that is settled: what is not may be undone by the next leader.</param>
    /// <param name="replica">The replica, as it was founded.</param>
    /// <param name="next">Its new member.</param>
    /// <param name="isWitness">Whether that one takes itself for a witness.</param>
    public static ReplacementPlan Next(GroupConfiguration configuration, bool isCommitted, ReplicaAddress replica, ReplicaId next, bool isWitness)
    {
        if (configuration.IsJoint || !isCommitted)
        {
            return Wait;
        }

        var place = GroupMembers.TagOf(replica.Datacenter);
        var others = configuration.Members.Where(id => id != next && IsThere(id)).ToArray();
        var removals = others.Select(static id => new ConfigurationChange(ConfigurationChangeKind.Remove, id));
        var wasWitness = configuration.IsVoter(next) ? configuration.IsWitness(next) : others.Any(configuration.IsWitness);
        if (wasWitness != isWitness)
        {
            return new([], false) { Refusal = wasWitness ? "it was a witness, and its new home is configured as none" : "it was no witness, and its new home is configured as one" };
        }

        return configuration.IsVoter(next) ? (others.Length == 0 ? Settled : new([.. removals], false))
            : isWitness ? new([Add(ConfigurationChangeKind.AddWitness), .. removals], false)
            : configuration.IsLearner(next) ? new([Add(ConfigurationChangeKind.AddVoter), .. removals], false)

            // Of earlier attempts there may be learners, whose stores are lost as well. They go first, so that they are not waited for.
            : new([Add(ConfigurationChangeKind.AddLearner), .. removals.Where(removal => configuration.IsLearner(removal.Replica))], false);

        bool IsThere(ReplicaId id) => id == GroupMembers.IdOf(replica.Place)
            || (configuration.Datacenters.TryGetValue(id, out var at) && at == place && GroupMembers.OrdinalOf(id) == replica.Ordinal);

        ConfigurationChange Add(ConfigurationChangeKind kind) => new(kind, next, place);
    }
}
