using MultiDc.Raft;
using MultiDc.Server.Replication;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Replication;

/// <summary>A store whose database goes away, and comes back.</summary>
public sealed class PumpStoreAwayTests
{
    [Fact]
    public void A_replica_whose_store_goes_away_stops_as_unavailable_and_takes_part_again_when_it_is_opened_anew()
    {
        using var group = new PumpGroup();
        var replica = group.Replicas[0];
        var storage = StartOverStorageThatGoesAway(group, replica);
        group.ElectLeader();
        var session = group.OpenSession(group.Leader);
        storage.IsAway = true;
        var write = PumpGroup.Propose(group.Leader, Writes.Put(session, 1, "k", "v"));
        group.Network.Sent.Clear();
        group.Run();
        Assert.Equal(PumpStopReason.StoreUnavailable, PumpGroup.StopOf(replica).Reason);
        Assert.DoesNotContain(group.Network.Sent, p => p.From == replica.Address.Datacenter && p.Message is AppendAccepted);
        Assert.True(!write.IsCompleted || PumpGroup.Done(write).Result is Applied or Unknown);

        group.Start(replica);
        group.ElectLeader();
        Assert.IsType<Applied>(group.Put(group.Leader, session, 1, "k", "v"));
    }

    [Fact]
    public void What_cannot_be_is_no_verdict_while_the_store_cannot_say_whether_there_is_a_successor()
    {
        using var group = new PumpGroup();
        var replica = group.Replicas[0];
        var storage = StartOverStorageThatGoesAway(group, replica);
        var leader = group.Replicas[1];
        group.Tick(40, leader);
        storage.IsAway = true;
        replica.Pump!.TryDeliver(new HeartbeatRequest(leader.Id, replica.Id, new Term(1000), new LogIndex(1000), 99));
        group.Run();
        Assert.Equal(PumpStopReason.StoreUnavailable, PumpGroup.StopOf(replica).Reason);
    }

    private static StorageThatGoesAway StartOverStorageThatGoesAway(PumpGroup group, Replica replica)
    {
        PumpGroup.Stop(replica);
        var storage = new StorageThatGoesAway(PumpGroup.Take(replica.Store.OpenAsync(replica.Name, null))!);
        group.StartPump(replica, storage);
        return storage;
    }

    private sealed class StorageThatGoesAway(IReplicaStorage storage) : IReplicaStorage
    {
        public bool IsAway { get; set; }

        public ReplicaName Replica => storage.Replica;

        public Epoch Epoch => storage.Epoch;

        public RaftRecovery Recovered => storage.Recovered;

        public IReplicaState State => storage.State;

        public ValueTask WriteAsync(ReplicaWrite write, CancellationToken cancellationToken = default) => IsAway ? throw Away() : storage.WriteAsync(write, cancellationToken);

        public ValueTask ConfirmEpochAsync(CancellationToken cancellationToken = default) => IsAway ? throw Away() : storage.ConfirmEpochAsync(cancellationToken);

        public ValueTask CompactToAsync(SnapshotMetadata to, CancellationToken cancellationToken = default) => storage.CompactToAsync(to, cancellationToken);

        public ValueTask DisposeAsync() => storage.DisposeAsync();

        private static StoreUnavailableException Away() => new("the database is away");
    }
}
