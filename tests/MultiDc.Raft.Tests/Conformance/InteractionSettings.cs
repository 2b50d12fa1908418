namespace MultiDc.Raft.Tests;

/// <summary>How a group of the interaction cases is configured, in the cases' own terms.</summary>
internal sealed record InteractionSettings
{
    /// <summary>One of theirs lasts five of our ticks, since our heartbeats are at most a fifth of an election timeout.</summary>
    public const int TicksPerTick = 5;

    public const int ElectionTicks = 3;

    public bool PreVote { get; init; }

    public bool CheckQuorum { get; init; }

    public bool AsyncStorageWrites { get; init; }

    public bool LeaseBasedReads { get; init; }

    public int? Inflight { get; init; }

    public int? MaxApplyBytes { get; init; }

    /// <summary>
    /// Check-quorum cannot be switched off in our core; without it an election timeout is so long that it never strikes.
    /// </summary>
    public int ElectionTimeoutTicks => CheckQuorum ? ElectionTicks * TicksPerTick : 100 * ElectionTicks * TicksPerTick;

    public RaftNodeOptions For(ReplicaId id)
    {
        var options = new RaftNodeOptions
        {
            Id = id,
            ElectionTimeoutTicks = ElectionTimeoutTicks,
            HeartbeatTicks = CheckQuorum ? ElectionTicks : TicksPerTick,
            RequireCatchUp = false,
        };
        return options with { MaxInflightAppends = Inflight ?? options.MaxInflightAppends, MaxApplyBytes = MaxApplyBytes ?? options.MaxApplyBytes };
    }
}
