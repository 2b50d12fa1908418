using System.Collections.Immutable;
using CsCheck;
using static MultiDc.Raft.ConfigurationChangeKind;

namespace MultiDc.Raft.Tests;

/// <summary>Random sequences of configuration changes against a twin that looks only at the last wish for each replica.</summary>
public sealed class ConfigurationChangerTests
{
    private const int Size = 8;

    private static readonly Gen<ConfigurationChange> Change = Gen.Select(Gen.Int[0, 9], Gen.ULong[1, Size], Gen.ULong[0, 1]).Select((kind, id, told) =>
        new ConfigurationChange(
            kind switch { < 4 => AddVoter, < 6 => AddLearner, < 7 => AddWitness, _ => Remove },
            new ReplicaId(id),
            new DatacenterTag(told * (10 + id))));

    private static readonly Gen<(int Kind, bool AutoLeave, ConfigurationChange[] Changes)[]> Sequence =
        Gen.Select(Gen.Int[0, 4], Gen.Bool, Change.Array[0, 4]).Array[1, 25];

    [Fact]
    public void Every_change_does_what_was_asked_or_is_refused_and_any_two_quorums_in_a_row_meet()
    {
        var (taken, refused) = (0, 0);
        Sequence.Sample(
            steps =>
            {
                var current = GroupConfiguration.None with { Voters = [], MinCommitDatacenters = 1 };
                foreach (var (kind, autoLeave, changes) in steps)
                {
                    var (isTaken, next, refusal) = kind switch
                    {
                        < 2 => (ConfigurationChanger.TrySimple(current, changes, out var c, out var why), c, why),
                        < 4 => (ConfigurationChanger.TryEnterJoint(current, autoLeave, changes, out var c, out var why), c, why),
                        _ => (ConfigurationChanger.TryLeaveJoint(current, out var c, out var why), c, why),
                    };
                    Assert.Equal(Wanted(current, kind, autoLeave, changes), next);
                    Assert.Equal(isTaken, next is not null);
                    Assert.Equal(isTaken, refusal is null);
                    if (next is null)
                    {
                        Interlocked.Increment(ref refused);
                        continue;
                    }

                    Interlocked.Increment(ref taken);
                    Assert.Null(next.FindFlaw());
                    AssertQuorumsMeet(current, next);
                    AssertKinds(current, next);
                    current = next;
                }
            },
            iter: 4000);
        Assert.True(taken > 5000 && refused > 5000, $"{taken} taken and {refused} refused: too one-sided");
    }

    [Fact]
    public void A_rule_about_datacenters_holds_through_changes()
    {
        var current = new GroupConfiguration([new ReplicaId(1), new ReplicaId(2)])
        {
            Datacenters = ImmutableSortedDictionary<ReplicaId, DatacenterTag>.Empty
                .Add(new ReplicaId(1), new DatacenterTag(1)).Add(new ReplicaId(2), new DatacenterTag(2)),
            MinCommitDatacenters = 2,
        };
        Refused("commits count datacenters", new ConfigurationChange(AddVoter, new ReplicaId(3)));
        Refused("in another datacenter", new ConfigurationChange(AddVoter, new ReplicaId(2), new DatacenterTag(3)));
        Refused("must name a replica", new ConfigurationChange(AddVoter, ReplicaId.None));

        // A witness holds nothing, so where it stands does not matter.
        Assert.True(ConfigurationChanger.TrySimple(current, [new(AddWitness, new ReplicaId(3))], out var next, out _));
        Assert.Equal("voters=(1 2 3) witnesses=(3) datacenters=(1@1 2@2) commit_datacenters=2", next.ToString());
        Assert.True(ConfigurationChanger.TrySimple(next, [new(Remove, new ReplicaId(2))], out next, out _));
        Assert.Equal("voters=(1 3) witnesses=(3) datacenters=(1@1) commit_datacenters=2", next.ToString());
        Assert.False(ConfigurationChanger.TrySimple(next, [new(Remove, new ReplicaId(1))], out _, out var why));
        Assert.Contains("fewer than a majority", why, StringComparison.Ordinal);

        void Refused(string because, ConfigurationChange change)
        {
            Assert.False(ConfigurationChanger.TrySimple(current, [change], out _, out var refusal));
            Assert.Contains(because, refusal, StringComparison.Ordinal);
        }
    }

    /// <summary>What should come out, by the last wish for each replica alone; null when it should be refused.</summary>
    private static GroupConfiguration? Wanted(GroupConfiguration current, int kind, bool autoLeave, ConfigurationChange[] changes)
    {
        var enters = kind is 2 or 3;
        var leaves = kind == 4;
        if (current.IsJoint != leaves || (enters && current.Voters.IsEmpty) || (!leaves && MixesWitnesses(current, changes)))
        {
            return null;
        }

        var last = leaves ? [] : changes.GroupBy(change => change.Replica).ToDictionary(wish => wish.Key, wish => wish.Last().Kind);
        var outgoing = enters ? current.Voters : [];
        var voters = Ids(id => last.TryGetValue(id, out var wish) ? wish is AddVoter or AddWitness : current.Voters.Contains(id));
        var learning = Ids(id => last.TryGetValue(id, out var wish)
            ? wish == AddLearner
            : current.Learners.Contains(id) || current.LearnersNext.Contains(id));
        var learners = learning.Where(id => !outgoing.Contains(id)).ToImmutableArray();
        var members = voters.Union(outgoing).Union(learners).ToArray();
        var witnesses = members.Where(id => last.TryGetValue(id, out var wish) && wish != Remove ? wish == AddWitness : current.IsWitness(id));
        var told = changes.Where(change => !leaves && change.Kind != Remove && change.Datacenter.Value != 0)
            .Select(change => KeyValuePair.Create(change.Replica, change.Datacenter));
        var wanted = GroupConfiguration.None with
        {
            Voters = voters,
            OutgoingVoters = outgoing,
            Learners = learners,
            LearnersNext = [.. learning.Where(outgoing.Contains)],
            Witnesses = [.. witnesses],
            AutoLeave = enters && autoLeave,
            Datacenters = current.Datacenters.SetItems(told).RemoveRange(current.Datacenters.SetItems(told).Keys.Except(members)),
        };
        var changed = voters.Except(current.Voters).Concat(current.Voters.Except(voters)).Count();
        var hasWitnessMajority = new[] { voters, outgoing }.Any(half => half.Length > 0 && half.Count(wanted.IsWitness) * 2 > half.Length);
        return voters.IsEmpty || hasWitnessMajority || (changed > 1 && !enters && !leaves) ? null : wanted;
    }

    private static bool MixesWitnesses(GroupConfiguration current, ConfigurationChange[] changes) => changes.GroupBy(change => change.Replica).Any(wishes =>
    {
        var kinds = wishes.Select(change => change.Kind).ToArray();
        return current.Contains(wishes.Key)
            ? kinds.Any(kind => kind != Remove && (kind == AddWitness) != current.IsWitness(wishes.Key))
            : kinds.Zip(kinds.Skip(1)).Any(two => two.First != Remove && two.Second != Remove && (two.First == AddWitness) != (two.Second == AddWitness));
    });

    /// <summary>If two disjoint sets could decide, one of them and all the others could.</summary>
    private static void AssertQuorumsMeet(GroupConfiguration one, GroupConfiguration other)
    {
        for (var set = 0; set < 1 << Size; set++)
        {
            var both = one.Voters.Length > 0 && Decides(one, set) && Decides(other, ~set);
            Assert.False(both, $"{one} can be decided without {other}");
        }

        static bool Decides(GroupConfiguration configuration, int set) =>
            new[] { configuration.Voters, configuration.OutgoingVoters }.All(half =>
                half.IsEmpty || half.Count(id => (set & (1 << ((int)id.Value - 1))) != 0) * 2 > half.Length);
    }

    private static void AssertKinds(GroupConfiguration current, GroupConfiguration next)
    {
        var changed = next.Voters.Except(current.Voters).Count() + current.Voters.Except(next.Voters).Count();
        Assert.True(next.IsJoint || current.IsJoint || changed <= 1, "a simple change changes one voter");
        Assert.True(!next.IsJoint || next.OutgoingVoters.SequenceEqual(current.Voters), "the outgoing half is what was in force");
        Assert.True(!current.IsJoint || next.Voters.SequenceEqual(current.Voters), "the incoming half is what stays");
        Assert.All(next.Members.Where(current.Contains), id => Assert.Equal(current.IsWitness(id), next.IsWitness(id)));
    }

    private static ImmutableArray<ReplicaId> Ids(Func<ReplicaId, bool> condition) =>
        [.. Enumerable.Range(1, Size).Select(id => new ReplicaId((ulong)id)).Where(condition)];
}
