namespace MultiDc.Raft;

/// <summary>
/// Decisions of a configuration that may be joint (§4.3): a majority of each half, counted separately. A half without voters raises no
/// objection, so that a configuration that is not joint is decided by its one half alone.
/// </summary>
internal readonly struct JointQuorum(GroupConfiguration configuration)
{
    private readonly MajorityQuorum incoming = new(configuration.Voters);
    private readonly MajorityQuorum outgoing = new(configuration.OutgoingVoters);

    /// <summary>The result of the votes cast so far: won when both halves are won, lost when either is.</summary>
    public VoteResult Votes(IReadOnlyDictionary<ReplicaId, bool> votes) => (incoming.Votes(votes), outgoing.Votes(votes)) switch
    {
        (VoteResult.Lost, _) or (_, VoteResult.Lost) => VoteResult.Lost,
        (VoteResult.Won, VoteResult.Won) => VoteResult.Won,
        _ => VoteResult.Pending,
    };

    /// <summary>The greatest number that a majority of each half has reached; <see cref="ulong.MaxValue"/> when there are no voters.</summary>
    public ulong ReachedByMajority(Func<ReplicaId, ulong> reached) =>
        Math.Min(incoming.ReachedByMajority(reached), outgoing.ReachedByMajority(reached));

    /// <summary>Whether a majority of each half satisfies the condition.</summary>
    public bool Is(Func<ReplicaId, bool> condition) => incoming.Is(condition) && outgoing.Is(condition);
}
