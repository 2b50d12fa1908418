namespace MultiDc.Raft;

/// <summary>What a change makes of a replica (§4).</summary>
public enum ConfigurationChangeKind
{
    /// <summary>A voter with the whole state; promotes a learner.</summary>
    AddVoter,

    /// <summary>A replica that gets the log and the state and does not vote (§4.2.1); demotes a voter.</summary>
    AddLearner,

    /// <summary>A voter that keeps the ids of the log and no state (see <see cref="GroupConfiguration.Witnesses"/>).</summary>
    AddWitness,

    /// <summary>No member any more.</summary>
    Remove,
}

/// <summary>One wish of a configuration change. What is so already is left as it is.</summary>
/// <param name="Kind">What to make of the replica.</param>
/// <param name="Replica">The replica.</param>
/// <param name="Datacenter">Where a replica that is added stands. Said once: a replica never moves.</param>
public readonly record struct ConfigurationChange(ConfigurationChangeKind Kind, ReplicaId Replica, DatacenterTag Datacenter = default);

/// <summary>How a group gets from one configuration to the next (§4.2, §4.3).</summary>
public enum ConfigurationTransition
{
    /// <summary>In one step when it changes at most one voter (§4.2), otherwise as <see cref="JointImplicit"/>.</summary>
    Auto,

    /// <summary>Through a joint configuration that the leader leaves by itself as soon as it is committed (§4.3).</summary>
    JointImplicit,

    /// <summary>Into a joint configuration that stays until it is asked to be left (§4.3).</summary>
    JointExplicit,
}
