namespace MultiDc.Raft.Tests;

/// <summary>How long writes stop when the leader's datacenter dies, over a network with a delay and without loss.</summary>
public sealed class FailoverTests
{
    private const int T = 20;

    /// <summary>With ticks of 50 ms, two of delay are 100 ms one way: three far continents. 3T are then 3 s.</summary>
    [Theory]
    [InlineData(3, 0)]
    [InlineData(3, 2)]
    [InlineData(5, 2)]
    public void Writes_resume_within_three_election_timeouts(int size, int delayTicks)
    {
        var pauses = Enumerable.Range(0, 300).Select(seed => TicksUntilWritesResume((ulong)seed, size, delayTicks)).Order().ToList();
        Assert.True(pauses[^1] <= 3 * T, $"median {pauses[150]}, p99 {pauses[297]}, worst {pauses[^1]} ticks");
        Assert.True(2 * pauses[150] <= 5 * T, $"median {pauses[150]}, p99 {pauses[297]}, worst {pauses[^1]} ticks");
    }

    private static int TicksUntilWritesResume(ulong seed, int size, int delayTicks)
    {
        var configuration = new GroupConfiguration(Enumerable.Range(1, size).Select(id => new ReplicaId((ulong)id)));
        var nodes = configuration.Voters.Select(id => new RaftNode(
            new RaftNodeOptions { Id = id, ElectionTimeoutTicks = T },
            new RaftRecovery(default, new SnapshotMetadata(EntryId.Zero, configuration), [], LogIndex.Zero),
            new SeededRandomSource((seed * 31) + id.Value))).ToList();
        var network = new Queue<(int Due, RaftMessage Message)>();
        var now = 0;

        RunUntil(leader => leader.Commit.Value > 0);
        RunUntil(_ => now % 50 == 0);
        nodes.Remove(nodes.Single(node => node.Role == RaftRole.Leader));
        var died = now;
        RunUntil(leader => leader.Propose("x"u8.ToArray()) is { Accepted: true, Id: var id } && RunUntil(same => same.Commit >= id.Index));
        return now - died;

        bool RunUntil(Func<RaftNode, bool> condition)
        {
            while (nodes.Find(node => node.Role == RaftRole.Leader) is not { } leader || !condition(leader))
            {
                Assert.True(now++ < 1000, "the group does not come back");
                nodes.ForEach(node => node.Tick());
                while (network.TryPeek(out var next) && next.Due <= now)
                {
                    var message = network.Dequeue().Message;
                    nodes.Find(node => node.Id == message.To)?.Step(message);
                    Talk();
                }

                Talk();
            }

            return true;
        }

        void Talk()
        {
            foreach (var node in nodes)
            {
                while (node.TryGetReady(out var ready))
                {
                    foreach (var message in ready.MessagesAfterPersist)
                    {
                        network.Enqueue((now + delayTicks, message));
                    }

                    node.Advance();
                }
            }
        }
    }
}
