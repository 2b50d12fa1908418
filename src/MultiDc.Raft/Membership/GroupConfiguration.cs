using System.Collections.Immutable;

namespace MultiDc.Raft;

/// <summary>
/// Who belongs to a Raft group, and as what (§4). Immutable; all lists ascend and name nobody twice, so that equal configurations print
/// and compare alike. While joint (§4.3) it has two halves, C_new and C_old, that must both agree to everything.
/// </summary>
public sealed record GroupConfiguration
{
    /// <summary>The most members of a group.</summary>
    public const int MaxMembers = byte.MaxValue;

    private GroupConfiguration()
    {
    }

    /// <summary>A configuration with these voters.</summary>
    /// <param name="voters">Replicas that vote and count towards commits, in any order; at least one, none twice.</param>
    public GroupConfiguration(IEnumerable<ReplicaId> voters)
    {
        Voters = [.. voters];
        Invariant.Require(Voters.Length > 0, "a group has at least one voter");
    }

    /// <summary>Nobody: what a joining replica knows before its first configuration entry or snapshot.</summary>
    public static GroupConfiguration None { get; } = new();

    /// <summary>Replicas that vote and count towards commits; while joint, those of the incoming half C_new.</summary>
    public ImmutableArray<ReplicaId> Voters { get; init => field = Ascending(value); } = [];

    /// <summary>While joint, the voters of the outgoing half C_old; otherwise empty.</summary>
    public ImmutableArray<ReplicaId> OutgoingVoters { get; init => field = Ascending(value); } = [];

    /// <summary>Replicas that get the log and do not vote (§4.2.1).</summary>
    public ImmutableArray<ReplicaId> Learners { get; init => field = Ascending(value); } = [];

    /// <summary>Voters of the outgoing half that become learners when the joint configuration is left.</summary>
    public ImmutableArray<ReplicaId> LearnersNext { get; init => field = Ascending(value); } = [];

    /// <summary>
    /// Voters that keep the ids of entries but neither commands nor state: they vote, acknowledge, and never lead. In each half fewer than
    /// a majority, so that no majority is without a full copy. A replica is a witness, or none, for as long as its id lives.
    /// </summary>
    public ImmutableArray<ReplicaId> Witnesses { get; init => field = Ascending(value); } = [];

    /// <summary>Whether the leader leaves the joint configuration by itself once it is committed.</summary>
    public bool AutoLeave { get; init; }

    /// <summary>Where members stand. May lack members, but no full voter when <see cref="MinCommitDatacenters"/> is more than one.</summary>
    public ImmutableSortedDictionary<ReplicaId, DatacenterTag> Datacenters { get; init; } =
        ImmutableSortedDictionary<ReplicaId, DatacenterTag>.Empty;

    /// <summary>In how many datacenters an entry must be held by a full voter to be committed; 1 asks for nothing beyond the majority.</summary>
    public int MinCommitDatacenters { get; init; } = 1;

    /// <summary>Whether two majorities must agree (§4.3).</summary>
    public bool IsJoint => OutgoingVoters.Length > 0;

    /// <summary>Everybody who is told of the log, ascending.</summary>
    public ImmutableArray<ReplicaId> Members => [.. Voters.Concat(OutgoingVoters).Concat(Learners).Distinct().Order()];

    /// <summary>Whether the replica votes, in either half.</summary>
    public bool IsVoter(ReplicaId id) => Voters.Contains(id) || OutgoingVoters.Contains(id);

    /// <summary>Whether the replica gets the log without a vote.</summary>
    public bool IsLearner(ReplicaId id) => Learners.Contains(id);

    /// <summary>Whether the replica votes and holds no state.</summary>
    public bool IsWitness(ReplicaId id) => Witnesses.Contains(id);

    /// <summary>Whether the replica is a member.</summary>
    public bool Contains(ReplicaId id) => IsVoter(id) || IsLearner(id);

    /// <summary>The rule of this type that the configuration breaks, or null. None that breaks one is ever written or read.</summary>
    public string? FindFlaw()
    {
        var members = Members;
        return members.Length > MaxMembers ? $"a group has at most {MaxMembers} members"
            : Voters.IsEmpty && (members.Length > 0 || this != None) ? "whoever belongs to a group has voters in it"
            : !IsJoint && (AutoLeave || LearnersNext.Length > 0) ? "only a joint configuration can be left"
            : Learners.Any(IsVoter) ? "a learner does not vote"
            : LearnersNext.Any(id => Voters.Contains(id) || !OutgoingVoters.Contains(id)) ? "only a voter on its way out becomes a learner"
            : Witnesses.Any(id => !IsVoter(id) || LearnersNext.Contains(id)) ? "a witness votes and never learns"
            : HasTooManyWitnesses(Voters) || HasTooManyWitnesses(OutgoingVoters) ? "witnesses are fewer than a majority"
            : Datacenters.Any(at => at.Value.IsNotTold || !Contains(at.Key)) ? "only members stand in datacenters"
            : MinCommitDatacenters is < 1 or > MaxMembers ? "an entry is committed in at least one datacenter"
            : MinCommitDatacenters > 1 && members.Any(IsFullVoterOfUnknownPlace) ? "commits count datacenters, and a full voter's is not told"
            : null;
    }

    /// <inheritdoc/>
    public bool Equals(GroupConfiguration? other) => other is not null
        && Voters.AsSpan().SequenceEqual(other.Voters.AsSpan())
        && OutgoingVoters.AsSpan().SequenceEqual(other.OutgoingVoters.AsSpan())
        && Learners.AsSpan().SequenceEqual(other.Learners.AsSpan())
        && LearnersNext.AsSpan().SequenceEqual(other.LearnersNext.AsSpan())
        && Witnesses.AsSpan().SequenceEqual(other.Witnesses.AsSpan())
        && (AutoLeave, MinCommitDatacenters) == (other.AutoLeave, other.MinCommitDatacenters)
        && Datacenters.SequenceEqual(other.Datacenters);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var id in Voters.Concat(OutgoingVoters).Concat(Learners))
        {
            hash.Add(id);
        }

        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public override string ToString() =>
        $"voters=({string.Join(' ', Voters)})"
        + (IsJoint ? $"&&({string.Join(' ', OutgoingVoters)})" : "")
        + (Learners.IsEmpty ? "" : $" learners=({string.Join(' ', Learners)})")
        + (LearnersNext.IsEmpty ? "" : $" learners_next=({string.Join(' ', LearnersNext)})")
        + (AutoLeave ? " autoleave" : "")
        + (Witnesses.IsEmpty ? "" : $" witnesses=({string.Join(' ', Witnesses)})")
        + (Datacenters.IsEmpty ? "" : $" datacenters=({string.Join(' ', Datacenters.Select(at => $"{at.Key}@{at.Value}"))})")
        + (MinCommitDatacenters == 1 ? "" : $" commit_datacenters={MinCommitDatacenters}");

    private bool HasTooManyWitnesses(ImmutableArray<ReplicaId> half) => half.Length > 0 && half.Count(IsWitness) > half.Length / 2;

    private bool IsFullVoterOfUnknownPlace(ReplicaId id) => IsVoter(id) && !IsWitness(id) && !Datacenters.ContainsKey(id);

    private static ImmutableArray<ReplicaId> Ascending(ImmutableArray<ReplicaId> ids)
    {
        var ascending = ids.Sort();
        for (var i = 0; i < ascending.Length; i++)
        {
            Invariant.Require(!ascending[i].IsNone && (i == 0 || ascending[i - 1] != ascending[i]), "members are distinct and named");
        }

        return ascending;
    }
}
