using System.Collections.Immutable;
using CsCheck;

namespace MultiDc.Raft.Tests;

/// <summary>The commit rule against a twin that tries every index, and what the rule is for: every way to lose replicas, tried.</summary>
public sealed class CommitQuorumTests
{
    private const int Size = 7;

    /// <summary>Voters 1 to 7 in one half or both, some of them witnesses, in up to four datacenters.</summary>
    private static readonly Gen<GroupConfiguration> Configuration =
        Gen.Select(Gen.Int[0, 3].Array[Size], Gen.Int[0, 2].Array[Size], Gen.ULong[1, 4].Array[Size], Gen.Int[1, 3], Gen.Bool)
            .Select((halves, kinds, places, minCommitDatacenters, isJoint) =>
            {
                var voters = Ids(at => (halves[at] & 1) != 0);
                var outgoing = isJoint ? Ids(at => (halves[at] & 2) != 0) : [];
                var members = voters.Union(outgoing).ToArray();
                return GroupConfiguration.None with
                {
                    Voters = voters,
                    OutgoingVoters = outgoing,
                    Witnesses = [.. members.Where(id => kinds[At(id)] == 0)],
                    Datacenters = members.ToImmutableSortedDictionary(id => id, id => new DatacenterTag(places[At(id)])),
                    MinCommitDatacenters = minCommitDatacenters,
                };
            })
            .Where(configuration => configuration.FindFlaw() is null && configuration.Voters.Length > 0);

    private static readonly Gen<(GroupConfiguration Configuration, ulong[] Durable, bool[] Away)> Case =
        Gen.Select(Configuration, Gen.ULong[0, 9].Array[Size], Gen.Int[0, 2].Array[Size])
            .Select((configuration, durable, away) => (configuration, durable, away.Select(value => value == 0).ToArray()));

    [Fact]
    public void What_is_committed_is_the_greatest_index_that_satisfies_the_three_rules() => Case.Sample(test =>
    {
        var (configuration, durable, away) = test;
        var dumb = Enumerable.Range(0, 10).Last(index => Halves(configuration).All(half =>
            HeldByMajority(half, id => Holds(id, index))
            && FullVotersHold(configuration, half, id => Holds(id, index), id => away[At(id)])
            && DatacentersHold(configuration, half, id => Holds(id, index))));
        return Reached(configuration, durable, away) == (ulong)dumb;

        bool Holds(ReplicaId id, int index) => durable[At(id)] >= (ulong)index;
    });

    [Fact]
    public void Without_witnesses_and_with_one_datacenter_it_is_the_joint_majority() => Case.Sample(test =>
    {
        var plain = test.Configuration with { Witnesses = [], MinCommitDatacenters = 1 };
        return Reached(plain, test.Durable, test.Away) == new JointQuorum(plain).ReachedByMajority(id => test.Durable[At(id)]);
    });

    [Fact]
    public void With_nobody_nothing_is_committed() =>
        Assert.Equal(LogIndex.Zero, new CommitQuorum(GroupConfiguration.None).Reached(_ => new LogIndex(5), _ => false));

    /// <summary>
    /// As long as witnesses are told no more than they may know: whatever is lost, as long as the rest without those that were away is a
    /// majority of each half, some full voter of the rest has all that is committed and gets the votes of the rest.
    /// </summary>
    [Fact]
    public void After_a_loss_that_leaves_a_majority_a_full_voter_with_all_that_is_committed_can_be_elected()
    {
        var mattered = 0;
        Case.Sample(
            test =>
            {
                var (configuration, durable, away) = test;
                var mayKnow = new CommitQuorum(configuration).ReachedByFullVoters(id => new LogIndex(durable[At(id)]), id => away[At(id)]).Value;
                foreach (var witness in configuration.Witnesses)
                {
                    durable[At(witness)] = Math.Min(durable[At(witness)], mayKnow);
                }

                var committed = Reached(configuration, durable, away);
                for (var lost = 0; lost < 1 << Size; lost++)
                {
                    var rest = configuration.Members.Where(id => !away[At(id)] && (lost & (1 << At(id))) == 0).ToHashSet();
                    if (Halves(configuration).All(half => HeldByMajority(half, rest.Contains)))
                    {
                        Interlocked.Increment(ref mattered);
                        Assert.Contains(rest, candidate =>
                            !configuration.IsWitness(candidate)
                            && durable[At(candidate)] >= committed
                            && rest.All(voter => durable[At(voter)] <= durable[At(candidate)]));
                    }
                }
            },
            iter: 3000);
        Assert.True(mattered > 10_000, $"only {mattered} losses could be survived at all");
    }

    [Fact]
    public void After_the_loss_of_all_but_one_of_the_datacenters_that_a_commit_needs_a_full_copy_remains() => Case.Sample(
        test =>
        {
            var (configuration, durable, away) = test;
            var committed = Reached(configuration, durable, away);
            foreach (var half in Halves(configuration))
            {
                var full = half.Where(id => !configuration.IsWitness(id)).ToArray();
                var places = full.Select(id => configuration.Datacenters[id]).Distinct().ToArray();
                for (var lost = 0; lost < 1 << places.Length; lost++)
                {
                    var rest = full.Where(id => (lost & (1 << Array.IndexOf(places, configuration.Datacenters[id]))) == 0).ToArray();
                    if (int.PopCount(lost) < Math.Min(configuration.MinCommitDatacenters, places.Length))
                    {
                        Assert.Contains(rest, id => durable[At(id)] >= committed);
                    }
                }
            }
        },
        iter: 3000);

    private static ulong Reached(GroupConfiguration configuration, ulong[] durable, bool[] away) =>
        new CommitQuorum(configuration).Reached(id => new LogIndex(durable[At(id)]), id => away[At(id)]).Value;

    private static ImmutableArray<ReplicaId>[] Halves(GroupConfiguration configuration) =>
        [.. new[] { configuration.Voters, configuration.OutgoingVoters }.Where(half => half.Length > 0)];

    private static bool HeldByMajority(ImmutableArray<ReplicaId> half, Func<ReplicaId, bool> holds) => half.Count(holds) * 2 > half.Length;

    /// <summary>Some set of full voters that are not away, which all hold, is the whole of them or as large as a majority.</summary>
    private static bool FullVotersHold(
        GroupConfiguration configuration, ImmutableArray<ReplicaId> half, Func<ReplicaId, bool> holds, Func<ReplicaId, bool> isAway)
    {
        var full = half.Where(id => !configuration.IsWitness(id)).ToArray();
        var present = full.Where(id => !isAway(id)).ToArray();
        return full.Length == half.Length
            || (full.Any(holds) && Enumerable.Range(0, 1 << present.Length).Any(set =>
            {
                var chosen = present.Where((_, at) => (set & (1 << at)) != 0).ToArray();
                return chosen.All(holds) && (chosen.Length == present.Length || chosen.Length * 2 > half.Length);
            }));
    }

    private static bool DatacentersHold(GroupConfiguration configuration, ImmutableArray<ReplicaId> half, Func<ReplicaId, bool> holds)
    {
        var full = half.Where(id => !configuration.IsWitness(id)).ToArray();
        var all = full.Select(id => configuration.Datacenters[id]).ToHashSet();
        var holding = full.Where(holds).Select(id => configuration.Datacenters[id]).ToHashSet();
        return holding.SetEquals(all) || holding.Count >= configuration.MinCommitDatacenters;
    }

    private static ImmutableArray<ReplicaId> Ids(Func<int, bool> condition) =>
        [.. Enumerable.Range(0, Size).Where(condition).Select(at => new ReplicaId((ulong)at + 1))];

    private static int At(ReplicaId id) => (int)id.Value - 1;
}
