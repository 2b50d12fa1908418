using MultiDc.Raft;
using MultiDc.Server.Replication;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Replication;

/// <summary>How time reaches the node: never as more than has passed since it heard its leader, since leases rest on that (dissertation §4.2.3, §6.4.1).</summary>
public sealed class PumpTickTests
{
    // Of the group's nodes.
    private const int ElectionTimeoutTicks = 10;

    [Fact]
    public void A_followers_ticks_wake_its_pump_only_when_a_third_of_the_election_timeout_has_passed_without_a_message()
    {
        using var group = new PumpGroup();
        group.ElectLeader();
        var follower = group.Followers[0];
        for (var i = 0; i < ElectionTimeoutTicks / 3; i++)
        {
            follower.Pump!.Tick();
        }

        Assert.True(follower.Scheduler.IsIdle);
        follower.Pump!.Tick();
        Assert.False(follower.Scheduler.IsIdle);
        group.Run();

        // A message wakes it as well, and takes them along.
        follower.Pump!.Tick();
        Assert.True(follower.Scheduler.IsIdle);
        Assert.True(follower.Pump!.TryDeliver(Heartbeat(group, follower)));
        Assert.False(follower.Scheduler.IsIdle);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(100)]
    public void A_follower_campaigns_after_as_many_ticks_as_its_node_does(int burst)
    {
        using var group = new PumpGroup();
        group.ElectLeader();
        var follower = group.Followers[0];
        group.Network.Rule = static _ => Fate.Drop;
        group.Run();
        var ticks = 0;
        for (var rounds = 1; follower.Pump!.Status.Role == RaftRole.Follower; rounds++)
        {
            for (var i = 0; i < burst; i++)
            {
                follower.Pump.Tick();
            }

            // Where nothing runs in between, what comes beyond a third of a timeout and one counts no more.
            ticks += Math.Min(burst, (ElectionTimeoutTicks / 3) + 1);
            group.Run();
            Assert.True(rounds < 1000, "the follower never campaigns");
        }

        Assert.InRange(ticks, ElectionTimeoutTicks, (2 * ElectionTimeoutTicks) + burst);
    }

    [Fact]
    public void Ticks_that_came_before_the_leader_was_heard_count_once_though_the_disk_held_the_pump_up_in_between()
    {
        using var group = new PumpGroup(options: new() { CompactAfterBytes = 4000, KeepEntries = 2 });
        group.ElectLeader();
        var follower = group.Followers[0];
        PumpGroup.Stop(follower);
        var storage = new StorageThatHoldsCompactions(PumpGroup.Take(follower.Store.OpenAsync(follower.Name, null))!);
        group.StartPump(follower, storage);
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        for (var i = 1UL; storage.Held is null; i++)
        {
            Assert.True(i < 1000, "the follower compacts nothing");
            group.Put(leader, session, i, "k", new string('x', 200));
        }

        group.Network.Rule = static _ => Fate.Drop;
        var term = leader.Pump!.Status.Term;
        for (var i = 0; i < ElectionTimeoutTicks / 2; i++)
        {
            follower.Pump!.Tick();
        }

        Assert.True(follower.Pump!.TryDeliver(Heartbeat(group, follower)));
        storage.Held.SetResult();
        group.Run();

        group.Tick(ElectionTimeoutTicks - 2, follower);
        Assert.Equal(term, TermAfterVoteRequest());
        group.Tick(2, follower);
        Assert.Equal(term.Next(), TermAfterVoteRequest());

        // Whoever still hears a leader does not even take the term of who asks for its vote.
        Term TermAfterVoteRequest()
        {
            var last = group.Leader.Pump!.Node.LastEntry;
            follower.Pump!.TryDeliver(new VoteRequest(group.Followers.First(other => other != follower).Id, follower.Id, term.Next(), last, LeadershipTransfer: false));
            group.Run();
            return follower.Pump.Status.Term;
        }
    }

    private static HeartbeatRequest Heartbeat(PumpGroup group, Replica follower) => new(group.Leader.Id, follower.Id, group.Leader.Pump!.Status.Term, LogIndex.Zero, 0);

    private sealed class StorageThatHoldsCompactions(IReplicaStorage storage) : IReplicaStorage
    {
        /// <summary>Lets the first compaction go on; null: there was none.</summary>
        public TaskCompletionSource? Held { get; private set; }

        public ReplicaName Replica => storage.Replica;

        public Epoch Epoch => storage.Epoch;

        public RaftRecovery Recovered => storage.Recovered;

        public IReplicaState State => storage.State;

        public ValueTask WriteAsync(ReplicaWrite write, CancellationToken cancellationToken = default) => storage.WriteAsync(write, cancellationToken);

        public ValueTask ConfirmEpochAsync(CancellationToken cancellationToken = default) => storage.ConfirmEpochAsync(cancellationToken);

        public async ValueTask CompactToAsync(SnapshotMetadata to, CancellationToken cancellationToken = default)
        {
            await (Held ??= new()).Task;
            await storage.CompactToAsync(to, cancellationToken);
        }

        public ValueTask DisposeAsync() => storage.DisposeAsync();
    }
}
