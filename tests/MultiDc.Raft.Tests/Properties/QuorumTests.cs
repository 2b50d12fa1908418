using System.Collections.Immutable;
using CsCheck;

namespace MultiDc.Raft.Tests;

/// <summary>Majorities and joint majorities against twins that try every number and every way the missing answers can come.</summary>
public sealed class QuorumTests
{
    private static readonly Gen<ImmutableArray<ReplicaId>> Voters =
        Gen.Int[1, 9].Select(size => Enumerable.Range(1, size).Select(id => new ReplicaId((ulong)id)).ToImmutableArray());

    /// <summary>Halves that overlap in all ways; the outgoing one may be empty.</summary>
    private static readonly Gen<GroupConfiguration> Joint = Gen.Select(Gen.Int[1, 3].Array[9], Gen.Bool).Select((halves, isJoint) =>
        GroupConfiguration.None with { Voters = Half(halves, 1), OutgoingVoters = isJoint ? Half(halves, 2) : [] });

    [Fact]
    public void What_a_majority_reached_is_the_greatest_number_that_more_than_half_have_reached() =>
        Gen.Select(Voters, Gen.ULong[0, 12].Array[9]).Sample((voters, reached) =>
        {
            var dumb = Enumerable.Range(0, 13).Last(number => HasMajority(voters, voter => Of(voter) >= (ulong)number));
            return new MajorityQuorum(voters).ReachedByMajority(Of) == (ulong)dumb;

            ulong Of(ReplicaId voter) => reached[(int)voter.Value - 1];
        });

    [Fact]
    public void What_a_joint_quorum_reached_is_the_greatest_number_that_more_than_half_of_each_half_have_reached() =>
        Gen.Select(Joint, Gen.ULong[0, 12].Array[9]).Where((configuration, _) => configuration.Members.Length > 0).Sample((configuration, reached) =>
        {
            var dumb = Enumerable.Range(0, 13).Last(number => IsJointMajority(configuration, voter => Of(voter) >= (ulong)number));
            return new JointQuorum(configuration).ReachedByMajority(Of) == (ulong)dumb;

            ulong Of(ReplicaId voter) => reached[(int)voter.Value - 1];
        });

    [Fact]
    public void Votes_are_won_or_lost_when_no_missing_answer_can_change_it() =>
        Gen.Select(Voters, Gen.Int[0, 2].Array[10]).Sample((voters, answers) =>
        {
            // Voter 10 is none of the group; its vote must not count.
            var votes = Enumerable.Range(0, 10).Where(at => answers[at] < 2).ToDictionary(at => new ReplicaId((ulong)at + 1), at => answers[at] == 1);
            return new MajorityQuorum(voters).Votes(votes) == Outcome(new GroupConfiguration(voters), votes);
        });

    [Fact]
    public void Joint_votes_are_won_or_lost_when_no_missing_answer_can_change_it() =>
        Gen.Select(Joint, Gen.Int[0, 2].Array[10]).Sample((configuration, answers) =>
        {
            var votes = Enumerable.Range(0, 10).Where(at => answers[at] < 2).ToDictionary(at => new ReplicaId((ulong)at + 1), at => answers[at] == 1);
            return new JointQuorum(configuration).Votes(votes) == Outcome(configuration, votes);
        });

    [Fact]
    public void A_joint_quorum_satisfies_when_more_than_half_of_each_half_do() => Gen.Select(Joint, Gen.Bool.Array[9]).Sample((configuration, satisfied) =>
        new JointQuorum(configuration).Is(voter => satisfied[(int)voter.Value - 1])
            == IsJointMajority(configuration, voter => satisfied[(int)voter.Value - 1]));

    [Fact]
    public void Any_two_majorities_share_a_voter() => Gen.Select(Voters, Gen.Bool.Array[9], Gen.Bool.Array[9]).Sample((voters, one, other) =>
    {
        var quorum = new MajorityQuorum(voters);
        var both = quorum.Is(voter => one[(int)voter.Value - 1]) && quorum.Is(voter => other[(int)voter.Value - 1]);
        return !both || voters.Any(voter => one[(int)voter.Value - 1] && other[(int)voter.Value - 1]);
    });

    [Fact]
    public void Where_there_is_nobody_nobody_objects()
    {
        var nobody = new JointQuorum(GroupConfiguration.None);
        Assert.Equal(ulong.MaxValue, nobody.ReachedByMajority(_ => 1));
        Assert.Equal(VoteResult.Won, nobody.Votes(new Dictionary<ReplicaId, bool>()));
    }

    /// <summary>Every way in which the answers that are missing can come.</summary>
    private static VoteResult Outcome(GroupConfiguration configuration, Dictionary<ReplicaId, bool> votes)
    {
        var missing = configuration.Members.Where(voter => !votes.ContainsKey(voter)).ToArray();
        var wins = Enumerable.Range(0, 1 << missing.Length).Count(ways => IsJointMajority(configuration, voter =>
            votes.TryGetValue(voter, out var granted) ? granted : (ways & (1 << Array.IndexOf(missing, voter))) != 0));
        return wins == 1 << missing.Length ? VoteResult.Won : wins == 0 ? VoteResult.Lost : VoteResult.Pending;
    }

    private static bool IsJointMajority(GroupConfiguration configuration, Func<ReplicaId, bool> condition) =>
        HasMajority(configuration.Voters, condition) && HasMajority(configuration.OutgoingVoters, condition);

    private static bool HasMajority(ImmutableArray<ReplicaId> voters, Func<ReplicaId, bool> condition) =>
        voters.IsEmpty || voters.Count(condition) * 2 > voters.Length;

    private static ImmutableArray<ReplicaId> Half(int[] halves, int which) =>
        [.. Enumerable.Range(1, halves.Length).Where(id => (halves[id - 1] & which) != 0).Select(id => new ReplicaId((ulong)id))];
}
