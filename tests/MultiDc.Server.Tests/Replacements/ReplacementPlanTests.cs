using MultiDc.Raft;
using MultiDc.Server.Replacements;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Tests.Replacements;

public sealed class ReplacementPlanTests
{
    private static readonly DatacenterId A = new("a");
    private static readonly DatacenterId B = new("b");
    private static readonly DatacenterId C = new("c");
    private static readonly ReplicaAddress Replica = new(new("kv", 0), B);
    private static readonly GroupConfiguration Founded = new GroupMembers([A, B, C]).Configuration;
    private static readonly ReplicaId Old = GroupMembers.IdOf(B);
    private static readonly ReplicaId Next = GroupMembers.IdOf(B, new Guid(1, 0, 0, new byte[8]));
    private static readonly ReplicaId Later = GroupMembers.IdOf(B, new Guid(2, 0, 0, new byte[8]));

    [Fact]
    public void It_learns_first_then_takes_the_vote_of_the_old_one_and_is_settled()
    {
        var learning = Carry(Founded, Plan(Founded, Next));
        Assert.True(learning.IsLearner(Next));
        Assert.Equal(Founded.Voters.AsEnumerable(), learning.Voters.AsEnumerable());

        var joint = Carry(learning, Plan(learning, Next));
        Assert.True(joint.IsJoint);
        Assert.Empty(Plan(joint, Next).Changes);
        Assert.True(ConfigurationChanger.TryLeaveJoint(joint, out var settled, out _));
        Assert.Equal(new[] { GroupMembers.IdOf(A), Next, GroupMembers.IdOf(C) }.Order(), settled.Members.AsEnumerable());
        Assert.Equal(settled.Members.AsEnumerable(), settled.Voters.AsEnumerable());
        Assert.True(Plan(settled, Next).IsSettled);
    }

    [Fact]
    public void What_is_not_committed_is_waited_for()
    {
        var settled = Replaced(Founded, Next);
        var plan = ReplacementPlan.Next(settled, isCommitted: false, Replica, Next, isWitness: false);
        Assert.Empty(plan.Changes);
        Assert.False(plan.IsSettled);
    }

    [Fact]
    public void A_store_that_is_lost_while_it_learns_gives_way_to_the_next()
    {
        var learning = Carry(Founded, Plan(Founded, Next));
        var again = Carry(learning, Plan(learning, Later));
        Assert.Equal([Later], again.Learners.AsEnumerable());
        Assert.Equal(Founded.Voters.AsEnumerable(), again.Voters.AsEnumerable());
        Assert.Equal(Replaced(Founded, Later), Left(Carry(again, Plan(again, Later))));
    }

    [Fact]
    public void A_replacement_is_replaced_like_a_founder()
    {
        var once = Replaced(Founded, Next);
        Assert.Equal(Replaced(Founded, Later), Replaced(once, Later));
    }

    [Fact]
    public void Of_several_replicas_in_a_datacenter_one_is_replaced_and_the_others_stay()
    {
        ReplicaPlace[] places = [A, B, C, new(B, 2), new(C, 2)];
        var founded = new GroupMembers(places, []).Configuration;
        var second = Replica with { Ordinal = 2 };
        var next = GroupMembers.IdOf(second.Place, new Guid(1, 0, 0, new byte[8]));
        var later = GroupMembers.IdOf(second.Place, new Guid(2, 0, 0, new byte[8]));
        var replaced = founded;
        foreach (var id in new[] { next, later })
        {
            var learning = Carry(replaced, ReplacementPlan.Next(replaced, true, second, id, isWitness: false));
            replaced = Left(Carry(learning, ReplacementPlan.Next(learning, true, second, id, isWitness: false)));
            Assert.Equal(founded.Voters.Where(voter => voter != GroupMembers.IdOf(second.Place)).Append(id).Order(), replaced.Members.AsEnumerable());
            Assert.True(ReplacementPlan.Next(replaced, true, second, id, isWitness: false).IsSettled);
        }

        // And the first one beside it.
        var both = Replaced(replaced, Next);
        Assert.Equal(replaced.Voters.Where(static voter => voter != Old).Append(Next).Order(), both.Members.AsEnumerable());
    }

    [Fact]
    public void A_voter_beside_which_the_old_one_still_is_removes_it()
    {
        Assert.True(ConfigurationChanger.TrySimple(Founded, [new(ConfigurationChangeKind.AddVoter, Next, GroupMembers.TagOf(B))], out var both, out _));
        Assert.Equal([new(ConfigurationChangeKind.Remove, Old)], Plan(both, Next).Changes);
        Assert.False(Plan(both, Next).IsSettled);
    }

    [Fact]
    public void A_witness_is_replaced_by_a_witness_at_once()
    {
        var withWitness = Founded with { Witnesses = [Old] };
        var settled = Left(Carry(withWitness, Plan(withWitness, Next, isWitness: true)));
        Assert.Equal([Next], settled.Witnesses.AsEnumerable());
        Assert.Equal(3, settled.Members.Length);
        Assert.True(Plan(settled, Next, isWitness: true).IsSettled);
        Assert.Equal([Later], Left(Carry(settled, Plan(settled, Later, isWitness: true))).Witnesses.AsEnumerable());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_witness_takes_no_full_replicas_place_nor_the_other_way_round_also_when_it_has_the_vote_already(bool wasWitness)
    {
        var founded = wasWitness ? Founded with { Witnesses = [Old] } : Founded;
        var settled = wasWitness ? Left(Carry(founded, Plan(founded, Next, isWitness: true))) : Replaced(founded, Next);
        foreach (var (configuration, next) in new[] { (founded, Next), (settled, Next), (settled, Later) })
        {
            var plan = Plan(configuration, next, isWitness: !wasWitness);
            Assert.NotNull(plan.Refusal);
            Assert.Empty(plan.Changes);
            Assert.False(plan.IsSettled);
            Assert.Null(Plan(configuration, next, wasWitness).Refusal);
        }
    }

    private static ReplacementPlan Plan(GroupConfiguration configuration, ReplicaId next, bool isWitness = false) =>
        ReplacementPlan.Next(configuration, isCommitted: true, Replica, next, isWitness);

    private static GroupConfiguration Carry(GroupConfiguration configuration, ReplacementPlan plan)
    {
        Assert.NotEmpty(plan.Changes);
        if (!ConfigurationChanger.TrySimple(configuration, plan.Changes, out var next, out _))
        {
            Assert.True(ConfigurationChanger.TryEnterJoint(configuration, autoLeave: true, plan.Changes, out next, out var refusal), refusal);
        }

        return next;
    }

    private static GroupConfiguration Left(GroupConfiguration joint)
    {
        Assert.True(ConfigurationChanger.TryLeaveJoint(joint, out var next, out var refusal), refusal);
        return next;
    }

    private static GroupConfiguration Replaced(GroupConfiguration configuration, ReplicaId next)
    {
        var learning = Carry(configuration, Plan(configuration, next));
        return Left(Carry(learning, Plan(learning, next)));
    }
}
