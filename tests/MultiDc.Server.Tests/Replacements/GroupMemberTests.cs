using MultiDc.Raft;
using MultiDc.Ring;
using MultiDc.Server.Founding;
using MultiDc.Server.Openings;
using MultiDc.Server.Replication;
using MultiDc.Server.Tests.Openings;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Replacements;

/// <summary>A replacement is another member than the one whose place it takes: nothing that is known of one is held against the other.</summary>
public sealed class GroupMemberTests
{
    private static readonly ReplicaAddress Replica = OpeningsWorld.A;
    private static readonly Guid Old = new(1, 0, 0, new byte[8]);
    private static readonly Guid New = new(2, 0, 0, new byte[8]);

    private const ulong SecondId = 13938457502783056900;
    private const ulong ReplacedSecondId = 1659286478338917380;

    private static GroupMember Replacement => GroupMember.Of(Replica.Shard, Replica.Datacenter, GroupMembers.IdOf(Replica.Datacenter, New).Value, New);

    [Fact]
    public void The_id_of_a_replacement_is_its_stores_and_nobody_elses()
    {
        Assert.NotEqual(GroupMembers.IdOf(Replica.Datacenter), Replacement.Id);
        Assert.NotEqual(GroupMembers.IdOf(Replica.Datacenter, Old), Replacement.Id);
        Assert.NotEqual(GroupMembers.IdOf(OpeningsWorld.B, New), Replacement.Id);
        Assert.Throws<ArgumentException>(() => GroupMember.Of(Replica.Shard, Replica.Datacenter, Replacement.Id.Value, Old));
        Assert.Throws<ArgumentException>(() => GroupMember.Of(Replica.Shard, OpeningsWorld.B, Replacement.Id.Value, New));

        // In logs, hence for good.
        Assert.Equal(11360234286112394635UL, Replacement.Id.Value);
    }

    [Fact]
    public void Who_says_nothing_of_its_id_is_the_founder()
    {
        Assert.Equal(Replica, GroupMember.Of(Replica.Shard, Replica.Datacenter, 0, New));
        Assert.Equal(0UL, ((GroupMember)Replica).ToWire());
        Assert.Equal(Replica, new ReplicaFrame(Replica.Shard, Replica.Datacenter, Old, 1, Old, default).Sender);
        Assert.Equal(Replacement, new ReplicaFrame(Replica.Shard, Replica.Datacenter, New, 1, Old, default) { Member = Replacement.ToWire() }.Sender);
        Assert.Equal(Replica.ToString(), ((GroupMember)Replica).ToString());
        Assert.NotEqual(Replica.ToString(), Replacement.ToString());
    }

    // In logs and stores, hence for good.
    [Fact]
    public void The_id_of_a_further_replica_tells_which_it_is()
    {
        for (var ordinal = 1; ordinal <= ReplicaPlace.MaxPerDatacenter; ordinal++)
        {
            var replica = Replica with { Ordinal = ordinal };
            Assert.Equal(ordinal, GroupMembers.OrdinalOf(GroupMembers.IdOf(replica.Place)));
            Assert.Equal(ordinal, GroupMembers.OrdinalOf(GroupMembers.IdOf(replica.Place, New)));
            GroupMember founder = replica;
            var replacement = new GroupMember(replica, GroupMembers.IdOf(replica.Place, New));
            Assert.True(founder.IsFounder && !replacement.IsFounder);
            foreach (var member in new[] { founder, replacement })
            {
                Assert.Equal(member, GroupMember.Of(Replica.Shard, Replica.Datacenter, member.ToWire(), New));
                Assert.Equal(member, new ReplicaFrame(Replica.Shard, Replica.Datacenter, New, 1, Old, default) { Member = member.ToWire() }.Sender);
            }

            Assert.Throws<ArgumentException>(() => GroupMember.Of(Replica.Shard, Replica.Datacenter, replacement.ToWire(), Old));
            Assert.Equal(ordinal == 1 ? "kv/0@a" : $"kv/0@a#{ordinal}", founder.ToString());
        }

        Assert.Equal(SecondId, GroupMembers.IdOf(Replica.Place with { Ordinal = 2 }).Value);
        Assert.Equal(ReplacedSecondId, GroupMembers.IdOf(Replica.Place with { Ordinal = 2 }, New).Value);
    }

    [Fact]
    public void A_frame_is_for_the_replica_that_its_receivers_id_names()
    {
        var sender = new ReplicaSender(new(Replica.Shard, OpeningsWorld.B), Old, new(1));
        for (var ordinal = 1; ordinal <= ReplicaPlace.MaxPerDatacenter; ordinal++)
        {
            var replica = Replica with { Ordinal = ordinal };
            foreach (var id in new[] { GroupMembers.IdOf(replica.Place), GroupMembers.IdOf(replica.Place, New) })
            {
                Assert.Equal(replica, sender.Frame(id, []).ReceiverIn(Replica.Datacenter));
            }
        }

        // Whoever knows of first ones only says nothing.
        Assert.Equal(0, sender.Frame(GroupMembers.IdOf(Replica.Datacenter), []).ToOrdinal);
    }

    [Fact]
    public void A_group_may_have_several_members_in_a_datacenter()
    {
        ReplicaPlace[] places = [Replica.Datacenter, OpeningsWorld.B, new(Replica.Datacenter, 2), new(OpeningsWorld.B, 2), OpeningsWorld.C];
        var members = new GroupMembers(places, [OpeningsWorld.C]);
        Assert.Equal(5, members.Configuration.Voters.Length);
        Assert.Equal([GroupMembers.IdOf(OpeningsWorld.C)], members.Configuration.Witnesses.AsEnumerable());
        Assert.Equal(3, members.Configuration.Datacenters.Values.Distinct().Count());
        Assert.All(places, place => Assert.Equal(place, members.PlaceOf(GroupMembers.IdOf(place))));

        // Which of two places a newcomer has, nobody needs to be told.
        var newcomer = GroupMembers.IdOf(places[2], New);
        members.Follow(members.Configuration with { Learners = [newcomer], Datacenters = members.Configuration.Datacenters.Add(newcomer, GroupMembers.TagOf(Replica.Datacenter)) });
        Assert.Equal(places[2], members.PlaceOf(newcomer));
    }

    [Fact]
    public void A_leader_is_waited_for_in_its_place()
    {
        ReplicaPlace[] others = [new(OpeningsWorld.A.Datacenter, 2), OpeningsWorld.B, new(OpeningsWorld.B, 2), OpeningsWorld.C];
        Assert.Equal(PresentationOutcome.Waiting, Outcome(leaderOrdinal: 2));
        Assert.Equal(PresentationOutcome.Accepted, Outcome(leaderOrdinal: 0));

        PresentationOutcome Outcome(int leaderOrdinal) => PresentationAnswers.Judge(
            others, others.Where(static place => place != new ReplicaPlace(OpeningsWorld.B, 2)).ToDictionary(
                static place => place, place => new PresentationReply(Old, PresentationVerdict.Accepted, "", OpeningsWorld.B) { LeaderOrdinal = leaderOrdinal })).Outcome;
    }

    [Fact]
    public void Members_are_learned_from_the_configuration()
    {
        var members = new GroupMembers([Replica.Datacenter, OpeningsWorld.B]);
        Assert.Null(members.DatacenterOf(Replacement.Id));
        var founded = members.Configuration;
        members.Follow(founded with { Learners = [Replacement.Id], Datacenters = founded.Datacenters.Add(Replacement.Id, GroupMembers.TagOf(Replica.Datacenter)) });
        Assert.Equal(Replica.Datacenter, members.DatacenterOf(Replacement.Id));
        Assert.Equal(founded, members.Configuration);
    }

    [Fact]
    public async Task What_is_remembered_of_the_old_one_is_not_held_against_it_nor_the_other_way_round()
    {
        using var world = new OpeningsWorld();
        var judge = world.Judge(OpeningsWorld.B);
        var (old, replacement) = (Presented(Old, 7, term: 9), Presented(New, 1, term: 0));
        Assert.Equal(PresentationVerdict.Accepted, (await judge.JudgeAsync(Replica, old)).Verdict);
        judge.Hear(Replica, new(9, 5, 100));
        Assert.Equal(PresentationVerdict.Accepted, (await judge.JudgeAsync(Replacement, replacement)).Verdict);
        Assert.True(judge.ListensTo(Replacement, New, 1, replacement.OpeningId));
        Assert.False(judge.ListensTo(Replica, New, 1, replacement.OpeningId));
        Assert.False(judge.ListensTo(Replacement, Old, 7, old.OpeningId));
        Assert.True(judge.ListensTo(Replica, Old, 7, old.OpeningId));

        // It is remembered as well as a founder.
        judge.Hear(Replacement, new(10, 0, 0));
        await judge.SaveAsync(Replacement);
        world.Restart(OpeningsWorld.B);
        Assert.Equal(PresentationVerdict.RolledBack, (await world.Judge(OpeningsWorld.B).JudgeAsync(Replacement, Presented(New, 2, term: 9))).Verdict);
    }

    [Fact]
    public async Task Of_two_homes_the_later_one_holds_more_and_one_that_was_replaced_nothing()
    {
        var records = new ReplicaRecords(new MemoryReplicaStore(new(new("test", New))));
        Assert.Equal(Replica, await records.GetMemberAsync(Replica));
        await records.SetFoundedAsync(Replica, new(HashRange.Full, [Replica.Datacenter], []));
        Assert.Equal(ReplicaHolding.Founded, await records.GetHoldingAsync(Replica));
        await records.SetReplacementAsync(Replica, new(New, 2));
        Assert.Equal(Replacement, await records.GetMemberAsync(Replica));
        Assert.Equal(ReplicaHolding.Founded + 2, await records.GetHoldingAsync(Replica));
        await records.SetReplacedAsync(Replica, new(Old, 3));
        Assert.Equal(ReplicaHolding.Nothing, await records.GetHoldingAsync(Replica));
    }

    [Fact]
    public async Task A_store_that_is_home_to_another_replica_of_the_shard_comes_behind_those_that_have_nothing()
    {
        var records = new ReplicaRecords(new MemoryReplicaStore(new(new("test", New))));
        var second = Replica with { Ordinal = 2 };
        await records.SetFoundingAsync(Replica);
        Assert.Equal(ReplicaHolding.Nothing, await records.GetHoldingAsync(second, 2));
        Assert.Null(await records.FindOtherAsync(second, 2));
        await records.SetClaimedAsync(Replica);
        await records.SetFoundingAsync(second);
        Assert.Equal(ReplicaHolding.Apart, await records.GetHoldingAsync(second, 2));
        Assert.Equal(Replica, await records.FindOtherAsync(second, 2));
        Assert.Equal(ReplicaHolding.Claimed, await records.GetHoldingAsync(Replica, 2));
        Assert.Null(await records.FindOtherAsync(Replica, 2));
        Assert.Equal(ReplicaHolding.Nothing, await records.GetHoldingAsync(second with { Shard = new("kv", 1) }, 2));

        // Once it has lost the one, it may have the other.
        await records.SetReplacedAsync(Replica, new(Old, 1));
        Assert.Equal(ReplicaHolding.Founding, await records.GetHoldingAsync(second, 2));
    }

    [Fact]
    public void A_newcomers_word_does_not_count_and_who_does_not_know_it_is_asked_again()
    {
        ReplicaPlace[] others = [OpeningsWorld.B, OpeningsWorld.C];
        Assert.Equal(PresentationOutcome.Accepted, Outcome(PresentationVerdict.Accepted, isNewcomer: false));
        Assert.Equal(PresentationOutcome.Waiting, Outcome(PresentationVerdict.Accepted, isNewcomer: true));
        Assert.Equal(PresentationOutcome.Waiting, Outcome(PresentationVerdict.NotAMember, isNewcomer: false));

        PresentationOutcome Outcome(PresentationVerdict verdict, bool isNewcomer) => PresentationAnswers.Judge(
            others, new Dictionary<ReplicaPlace, PresentationReply> { [OpeningsWorld.B] = new(Old, verdict, "", null) { IsNewcomer = isNewcomer } }).Outcome;
    }

    private static Presentation Presented(Guid store, ulong epoch, ulong term) => new(store, epoch, Guid.NewGuid(), term, 0, 0, 0);
}
