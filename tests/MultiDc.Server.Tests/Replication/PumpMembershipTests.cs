using MultiDc.Raft;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Tests.Replication;

/// <summary>Members that come, go, and hold no state, through real pumps.</summary>
public sealed class PumpMembershipTests
{
    [Fact]
    public void A_replica_joins_as_a_learner_is_promoted_and_the_leader_removed()
    {
        using var group = new PumpGroup(size: 4, founders: 3);
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        var joiner = group.Replicas[3];
        var early = Change(group, leader, ConfigurationChangeKind.AddVoter, joiner);
        Assert.Equal(RejectionReason.PreconditionFailed, Assert.IsType<Rejected>(early).Reason);

        Assert.IsType<Applied>(Change(group, leader, ConfigurationChangeKind.AddLearner, joiner));
        group.Put(leader, session, 1, "k", "v");
        Assert.IsType<Applied>(Change(group, leader, ConfigurationChangeKind.AddVoter, joiner));
        Assert.IsType<Applied>(Change(group, leader, ConfigurationChangeKind.Remove, leader));
        Assert.Equal(RaftRole.Follower, leader.Pump!.Status.Role);

        PumpGroup.Stop(leader);
        var next = group.ElectLeader();
        Assert.Equal("v", group.ReadNow(next, "k"));
        Assert.Equal(3, next.Pump!.Status.Configuration.Voters.Length);
        Assert.DoesNotContain(leader.Id, next.Pump.Status.Configuration.Voters);
        Assert.Equal(next.Pump.Status.Commit, joiner.Pump!.Status.Applied);
    }

    [Fact]
    public void A_joint_change_replaces_two_of_three_at_once()
    {
        using var group = new PumpGroup(size: 5, founders: 3);
        var leader = group.ElectLeader();
        Replica[] newcomers = [group.Replicas[3], group.Replicas[4]];
        foreach (var newcomer in newcomers)
        {
            Assert.IsType<Applied>(Change(group, leader, ConfigurationChangeKind.AddLearner, newcomer));
        }

        Replica[] leaving = [.. group.Replicas.Take(3).Where(replica => replica != leader)];
        ConfigurationChange[] changes =
        [
            .. newcomers.Select(static replica => new ConfigurationChange(ConfigurationChangeKind.AddVoter, replica.Id)),
            .. leaving.Select(static replica => new ConfigurationChange(ConfigurationChangeKind.Remove, replica.Id)),
        ];
        Assert.IsType<Applied>(Answer(group, leader.Pump!.ChangeConfigurationAsync(changes, ConfigurationTransition.Auto)));
        Assert.Equal(
            new ReplicaId[] { leader.Id, newcomers[0].Id, newcomers[1].Id }.Order(), leader.Pump.Status.Configuration.Voters.AsEnumerable());
        Assert.False(leader.Pump.Status.Configuration.IsJoint);
        Assert.Equal(RejectionReason.InvalidArgument, Assert.IsType<Rejected>(Answer(group, leader.Pump.LeaveJointAsync())).Reason);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_witness_keeps_writes_going_and_holds_no_state(bool compacted)
    {
        var options = new ReplicaPumpOptions { CompactAfterBytes = compacted ? 1 : long.MaxValue, KeepEntries = 0 };
        using var group = new PumpGroup(size: 3, founders: 2, options: options);
        var leader = group.ElectLeader();
        var other = group.Followers.First(replica => replica != group.Replicas[2]);
        var witness = group.Replicas[2];
        var session = group.OpenSession(leader);
        Assert.IsType<Applied>(group.Put(leader, session, 1, "k", "1"));
        Assert.IsType<Applied>(Change(group, leader, ConfigurationChangeKind.AddWitness, witness));
        Assert.IsType<Applied>(group.Put(leader, session, 2, "k", "2"));

        PumpGroup.Crash(other);
        var write = PumpGroup.Propose(leader, Writes.Put(session, 3, "k", "3"));
        group.Tick(15);
        Assert.IsType<Applied>(PumpGroup.Done(write).Result);
        group.Tick(5);
        Assert.Equal(leader.Pump!.Status.Commit, witness.Pump!.Status.Applied);
        Assert.Null(PumpGroup.Take(witness.Storage.State.GetAsync(Server.StateMachine.StateRows.EntryKey("k"u8))));
        Assert.Equal("!NotReady", group.Settled(PumpStaleReadTests.ReadStale(witness)));

        // The one that missed the write cannot be elected by the witness; it catches up, and then can.
        PumpGroup.Crash(leader);
        group.Start(other);
        group.Tick(100);
        Assert.DoesNotContain(group.Replicas, static replica => replica.Pump?.Status.Role == RaftRole.Leader);
        group.Start(leader);
        Assert.Equal("3", group.ReadNow(group.ElectLeader(), "k"));
    }

    [Fact]
    public void A_witness_that_is_added_while_a_replica_is_lost_learns_of_the_group_from_before_it_was_added()
    {
        // Four voters then, so that the entry that adds it needs its own acknowledgement; and the log begins right before that entry.
        using var group = new PumpGroup(size: 4, founders: 3, options: new() { CompactAfterBytes = 1, KeepEntries = 0 });
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        var witness = group.Replicas[3];
        Assert.IsType<Applied>(group.Put(leader, session, 1, "k", "1"));
        group.Tick(30);
        PumpGroup.Crash(group.Followers.First(replica => replica != witness));

        // Nobody has missed the other yet, or the change would be refused.
        var changing = leader.Pump!.ChangeConfigurationAsync([new(ConfigurationChangeKind.AddWitness, witness.Id)], ConfigurationTransition.Auto);
        group.Tick(60);
        Assert.IsType<Applied>(PumpGroup.Done(changing));
        Assert.IsType<Applied>(group.Put(leader, session, 2, "k", "2"));
        Assert.Equal(leader.Pump.Status.Configuration, witness.Pump!.Status.Configuration);
        Assert.Equal("!NotReady", group.Settled(PumpStaleReadTests.ReadStale(witness)));
        Assert.Null(PumpGroup.Take(witness.Storage.State.GetAsync(Server.StateMachine.StateRows.EntryKey("k"u8))));
    }

    internal static WriteResult Change(PumpGroup group, Replica leader, ConfigurationChangeKind kind, Replica replica) =>
        Answer(group, leader.Pump!.ChangeConfigurationAsync([new(kind, replica.Id)], ConfigurationTransition.Auto));

    // The answer is made on the pool from one that the pump has given when the group rests.
    private static WriteResult Answer(PumpGroup group, Task<WriteResult> answer)
    {
        group.Run();
        Assert.True(answer.Wait(TimeSpan.FromMinutes(1)), "no answer came");
        return answer.Result;
    }
}
