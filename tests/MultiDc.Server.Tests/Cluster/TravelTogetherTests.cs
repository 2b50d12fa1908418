using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Testing.Cluster;

namespace MultiDc.Server.Tests.Cluster;

/// <summary>Calls that carry many writes or reads, as clients make them when others are under way.</summary>
[Collection(ClusterTests.Name)]
public sealed class TravelTogetherTests(SharedCluster shared)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private MultiDcTestCluster Cluster => shared.Cluster;

    [Fact]
    public async Task Each_write_has_its_own_result_in_the_order_they_were_asked_in()
    {
        var (leader, sessions) = await LeaderAsync(6);
        var elsewhere = await KeyOfAnotherShardAsync();
        WriteRequest[] writes =
        [
            new(sessions[0], new(1), new PutOperation(Key("a"), "1"u8.ToArray()), Patience),
            new(sessions[1], new(1), new PutOperation(ReadOnlyMemory<byte>.Empty, "1"u8.ToArray()), Patience),
            new(sessions[2], new(1), new CompareAndSetOperation(Key("a"), "2"u8.ToArray(), "3"u8.ToArray()), Patience),
            new(sessions[3], new(1), new PutOperation(elsewhere, "1"u8.ToArray()), Patience),
            new(sessions[4], new(1), new AddOperation(Key("a"), 4), Patience),
            new(sessions[0], new(1), new PutOperation(Key("a"), "1"u8.ToArray()), Patience),
            new(new(ulong.MaxValue), new(1), new PutOperation(Key("a"), "9"u8.ToArray()), Patience),
        ];
        var results = (await leader.WriteManyAsync(new(writes))).Results;
        var first = Assert.IsType<Applied>(results[0]);
        Assert.Equal(
            [null, RejectionReason.InvalidArgument, RejectionReason.PreconditionFailed, RejectionReason.WrongShard, null, null, RejectionReason.SessionExpired],
            results.Select(static result => (result as Rejected)?.Reason));
        Assert.Equal(5, Assert.IsType<AppliedNumber>(results[4]).Number);
        Assert.Equal(first.Revision, Assert.IsType<Applied>(results[5]).Revision);
        Assert.Empty((await leader.WriteManyAsync(new([]))).Results);
    }

    [Fact]
    public async Task Reads_are_answered_in_order_and_no_more_than_makes_a_large_reply()
    {
        var (leader, sessions) = await LeaderAsync(1);
        for (var i = 0; i < 5; i++)
        {
            Assert.IsType<Applied>(await leader.WriteAsync(new(sessions[0], new((ulong)i + 1), new PutOperation(Key($"large/{i}"), new byte[100_000 + i]), Patience)));
        }

        Assert.Equal([100_000, 100_001], await SizesAsync("large/0", "large/1", "large/2", "large/3", "large/4"));
        Assert.Equal([null, 100_004, null], await SizesAsync("none", "large/4", "none"));
        var many = await SizesAsync([.. Enumerable.Range(0, 1000).Select(static i => i == 255 ? "large/1" : "none")]);
        Assert.Equal(256, many.Length);
        Assert.Equal(100_001, many[255]);
        Assert.Empty(await SizesAsync());

        var follower = await FollowerAsync();
        var refused = (await follower.ReadManyAsync(new([Read("a"), Read("b")]))).Results;
        Assert.All(refused, static result => Assert.Equal(RejectionReason.NotLeader, Assert.IsType<ReadRejected>(result).Reason));

        async Task<int?[]> SizesAsync(params string[] keys) =>
            [.. (await leader.ReadManyAsync(new([.. keys.Select(Read)]))).Results.Select(static result => Assert.IsType<ReadServed>(result).Entry?.Value.Length)];
    }

    [Fact]
    public async Task Many_callers_of_large_values_all_get_theirs()
    {
        const int Callers = 48;
        var client = Cluster.Client;
        Assert.All(
            await Task.WhenAll(Enumerable.Range(0, Callers).Select(i => client.PutAsync("default", Key($"each/{i}"), new byte[200_000 + i], Patience))),
            static result => Assert.IsType<Applied>(result));
        var read = await Task.WhenAll(Enumerable.Range(0, Callers).Select(i => client.GetAsync("default", Key($"each/{i}"), Patience)));
        Assert.Equal(Enumerable.Range(200_000, Callers), read.Select(static result => Assert.IsType<ReadServed>(result).Entry!.Value.Length));
    }

    private static ReadRequest Read(string key) => new(Key(key), Patience);

    private static byte[] Key(string key) => System.Text.Encoding.UTF8.GetBytes($"{{together}}/{key}");

    private async Task<KeyspaceDescriptor> KeyspaceAsync()
    {
        Assert.True((await Cluster.Client.GetRingAsync())!.TryGetKeyspace("default", out var keyspace));
        return keyspace;
    }

    private async Task<byte[]> KeyOfAnotherShardAsync()
    {
        var keyspace = await KeyspaceAsync();
        var own = RingSnapshot.ShardOf(keyspace, Key("a"));
        return Enumerable.Range(0, 100).Select(static i => System.Text.Encoding.UTF8.GetBytes($"other/{i}")).First(key => RingSnapshot.ShardOf(keyspace, key) != own);
    }

    private async Task<(IReplicaGrain Leader, SessionId[] Sessions)> LeaderAsync(int sessions)
    {
        var leader = (await ReplicasAsync()).Leader;
        var opened = new List<SessionId>();
        while (opened.Count < sessions)
        {
            opened.Add((await leader.OpenSessionAsync(new(Patience))).Session ?? throw new InvalidOperationException("the leader has changed"));
        }

        return (leader, [.. opened]);
    }

    private async Task<IReplicaGrain> FollowerAsync() => (await ReplicasAsync()).Follower;

    private async Task<(IReplicaGrain Leader, IReplicaGrain Follower)> ReplicasAsync()
    {
        var shard = RingSnapshot.ShardOf(await KeyspaceAsync(), Key("a"));

        // Whoever leads has committed in its term when a write has been acknowledged.
        Assert.IsType<Applied>(await Cluster.Client.PutAsync("default", Key("first"), "1"u8.ToArray(), Patience));
        IReplicaGrain? leader = null, follower = null;
        foreach (var status in await Cluster.Client.GetStatusAsync())
        {
            if (status.Replica.StartsWith($"{shard}@", StringComparison.Ordinal))
            {
                var grain = Cluster.Grains.GetGrain<IReplicaGrain>(status.Replica);
                (leader, follower) = status.Role == "Leader" ? (grain, follower) : (leader, grain);
            }
        }

        return (leader!, follower!);
    }
}
