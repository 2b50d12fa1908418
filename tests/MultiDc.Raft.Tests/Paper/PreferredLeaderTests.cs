using System.Collections.Immutable;
using CsCheck;
using static MultiDc.Raft.Tests.Subject;

namespace MultiDc.Raft.Tests;

/// <summary>Leaders in preferred datacenters (§3.10).</summary>
public sealed class PreferredLeaderTests
{
    [Fact]
    public void The_choice_is_the_first_of_all_that_would_do() => Gen.Select(
        Gen.Int[1, 6], Gen.Int[0, 4].Array[6], Gen.Int[1, 4].HashSet[0, 4], Gen.Bool.Array[6], Gen.Int[0, 5], Gen.Bool.Array[6], Gen.Bool)
        .Sample((size, places, preferred, ready, leaderAt, witness, joint) =>
        {
            ReplicaId[] ids = [.. Enumerable.Range(1, size).Select(id => new ReplicaId((ulong)id))];
            var configuration = new GroupConfiguration(ids)
            {
                Witnesses = [.. ids.Where((_, i) => witness[i]).Take((size - 1) / 2)],
                OutgoingVoters = joint ? [.. ids] : [],
                Datacenters = ids.Select((id, i) => (id, tag: new DatacenterTag((ulong)places[i]))).ToImmutableSortedDictionary(at => at.id, at => at.tag),
            };
            DatacenterTag[] order = [.. preferred.Select(value => new DatacenterTag((ulong)value))];
            var leader = ids[leaderAt % size];

            // Sorts everybody, then takes the first.
            var expected = joint ? ReplicaId.None : ids
                .Where((id, i) => ready[i] && !configuration.IsWitness(id) && Rank(id) < Rank(leader))
                .OrderBy(Rank).ThenBy(id => id.Value)
                .FirstOrDefault();
            Assert.Equal(expected, PreferredLeader.Choose(order, configuration, leader, id => ready[id.Value - 1]));

            int Rank(ReplicaId id) => Array.IndexOf(order, configuration.Datacenters[id]) is >= 0 and var at ? at : int.MaxValue;
        });

    [Fact]
    public void Learners_are_not_chosen()
    {
        var configuration = new GroupConfiguration([Id(1), Id(2)]) { Learners = [Id(3)], Datacenters = Places(1, 2, 3) };
        Assert.Equal(ReplicaId.None, PreferredLeader.Choose([Tag(3)], configuration, Id(1), _ => true));
    }

    [Fact]
    public void A_leader_hands_over_when_it_has_settled_and_the_preferred_one_has_caught_up()
    {
        var leader = Leader();
        Assert.Equal(ReplicaId.None, leader.Node.MoveToPreferredLeader([Tag(30)]));
        Pass(leader, (5 * T) - 1);
        Assert.Equal(ReplicaId.None, leader.Node.MoveToPreferredLeader([Tag(30)]));
        Pass(leader, 1);
        Assert.Equal(ReplicaId.None, leader.Node.MoveToPreferredLeader([Tag(10), Tag(30)]));
        Assert.Equal(ReplicaId.None, leader.Node.MoveToPreferredLeader([]));
        Assert.Equal(Id(3), leader.Node.MoveToPreferredLeader([Tag(30), Tag(10)]));
        Assert.Contains("1->3 TimeoutNowRequest term=1", leader.Said());
        Assert.Equal(ReplicaId.None, leader.Node.MoveToPreferredLeader([Tag(20)]));
    }

    [Fact]
    public void A_preferred_replica_that_is_away_is_passed_over_for_the_next()
    {
        var leader = Leader();
        Pass(leader, 5 * T, except: 3);
        Assert.Equal(Id(2), leader.Node.MoveToPreferredLeader([Tag(30), Tag(20)]));
    }

    [Fact]
    public void After_a_transfer_that_was_given_up_it_waits_long()
    {
        var leader = Leader();
        Pass(leader, 5 * T);
        Assert.Equal(Id(3), leader.Node.MoveToPreferredLeader([Tag(30)]));
        Pass(leader, T);
        Assert.Equal(ReplicaId.None, leader.Node.MoveToPreferredLeader([Tag(30)]));
        Pass(leader, (20 * T) - 1);
        Assert.Equal(ReplicaId.None, leader.Node.MoveToPreferredLeader([Tag(30)]));
        Pass(leader, 1);
        Assert.Equal(Id(3), leader.Node.MoveToPreferredLeader([Tag(30)]));
    }

    private static DatacenterTag Tag(ulong value) => new(value);

    private static ImmutableSortedDictionary<ReplicaId, DatacenterTag> Places(params ulong[] tags) =>
        tags.Select((tag, i) => KeyValuePair.Create(Id((ulong)i + 1), Tag(tag))).ToImmutableSortedDictionary();

    /// <summary>Replica 1 leads in datacenter 10; 2 is in 20 and 3 in 30.</summary>
    private static Subject Leader()
    {
        var leader = new Subject();
        leader.Disk.Snapshot = new SnapshotMetadata(EntryId.Zero, new GroupConfiguration([Id(1), Id(2), Id(3)]) { Datacenters = Places(10, 20, 30) });
        leader.Restart();
        return leader.LeadCommitted();
    }

    private static void Pass(Subject leader, int ticks, ulong except = 0)
    {
        for (var i = 0; i < ticks; i++)
        {
            leader.Tick();
            foreach (var heartbeat in leader.Messages().OfType<HeartbeatRequest>().Where(heartbeat => heartbeat.To.Value != except))
            {
                leader.Step(leader.Heard(heartbeat.To.Value, heartbeat.Round));
            }
        }
    }
}
