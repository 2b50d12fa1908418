using System.Collections.Immutable;
using CsCheck;

namespace MultiDc.Raft.Tests;

public sealed class QuorumTests
{
    private static readonly Gen<ImmutableArray<ReplicaId>> Voters =
        Gen.Int[1, 9].Select(size => Enumerable.Range(1, size).Select(id => new ReplicaId((ulong)id)).ToImmutableArray());

    [Fact]
    public void What_a_majority_reached_is_the_greatest_number_that_more_than_half_have_reached() =>
        Gen.Select(Voters, Gen.ULong[0, 12].Array[9]).Sample((voters, reached) =>
        {
            var dumb = Enumerable.Range(0, 13).Last(number => voters.Count(voter => Of(voter) >= (ulong)number) * 2 > voters.Length);
            return new MajorityQuorum(voters).ReachedByMajority(Of) == (ulong)dumb;

            ulong Of(ReplicaId voter) => reached[(int)voter.Value - 1];
        });

    [Fact]
    public void Votes_are_won_or_lost_when_no_missing_answer_can_change_it() =>
        Gen.Select(Voters, Gen.Int[0, 2].Array[10]).Sample((voters, answers) =>
        {
            // Voter 10 is none of the group; its vote must not count.
            var votes = Enumerable.Range(0, 10).Where(at => answers[at] < 2).ToDictionary(at => new ReplicaId((ulong)at + 1), at => answers[at] == 1);
            var missing = voters.Count(voter => !votes.ContainsKey(voter));
            var granted = voters.Count(voter => votes.GetValueOrDefault(voter));
            var dumb = granted * 2 > voters.Length ? VoteResult.Won : (granted + missing) * 2 > voters.Length ? VoteResult.Pending : VoteResult.Lost;
            return new MajorityQuorum(voters).Votes(votes) == dumb;
        });

    [Fact]
    public void Any_two_majorities_share_a_voter() => Gen.Select(Voters, Gen.Bool.Array[9], Gen.Bool.Array[9]).Sample((voters, one, other) =>
    {
        var quorum = new MajorityQuorum(voters);
        var both = quorum.Is(voter => one[(int)voter.Value - 1]) && quorum.Is(voter => other[(int)voter.Value - 1]);
        return !both || voters.Any(voter => one[(int)voter.Value - 1] && other[(int)voter.Value - 1]);
    });
}
