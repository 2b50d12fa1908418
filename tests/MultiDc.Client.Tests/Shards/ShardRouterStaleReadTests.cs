using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Routing.Shards;
using static MultiDc.Client.Tests.FakeDatacenters;

namespace MultiDc.Client.Tests.Shards;

public sealed class ShardRouterStaleReadTests : IDisposable
{
    private readonly FakeDatacenters world = new();
    private readonly FakeTimeProvider time = new();
    private readonly ShardRouter router;

    public ShardRouterStaleReadTests() => router = new(world, new(), time, static () => 0.5, NullLogger<ShardRouter>.Instance);

    public void Dispose() => router.Dispose();

    [Fact]
    public async Task The_own_datacenter_is_asked_whoever_leads()
    {
        world.Read = static (at, _) => Task.FromResult<ReadResult>(at == B ? new ReadServed(null) : new ReadRejected(RejectionReason.NotLeader, "", B));
        await time.DriveAsync(router.ReadAsync(new("orders", 3), world.Places, "k"u8.ToArray(), TimeSpan.FromSeconds(1)));
        world.Reads.Clear();
        Assert.Equal(A, Assert.IsType<ReadServed>((await ReadAsync(null)).Result).Datacenter);
        Assert.Equal([A], world.Reads);
    }

    [Fact]
    public async Task A_replica_that_is_too_stale_sends_the_read_to_the_nearest_other()
    {
        world.RoundTrips[B] = TimeSpan.FromMilliseconds(40);
        world.RoundTrips[C] = TimeSpan.FromMilliseconds(10);
        world.ReadStale = static (at, _) => Task.FromResult<ReadResult>(at == A ? new ReadRejected(RejectionReason.TooStale, "") : new ReadServed(null, Datacenter: at));
        Assert.Equal(C, Assert.IsType<ReadServed>((await ReadAsync(TimeSpan.FromSeconds(1))).Result).Datacenter);
        Assert.Equal([A, C], world.Reads);
    }

    [Fact]
    public async Task The_own_datacenter_is_not_asked_first_while_it_is_down()
    {
        world.Down.Add(A);
        world.RoundTrips[B] = TimeSpan.FromMilliseconds(40);
        world.RoundTrips[C] = TimeSpan.FromMilliseconds(10);
        Assert.Equal(C, Assert.IsType<ReadServed>((await ReadAsync(null)).Result).Datacenter);
        Assert.Equal([C], world.Reads);
    }

    [Fact]
    public async Task When_no_replica_keeps_the_bound_that_is_what_is_told_at_the_deadline()
    {
        world.ReadStale = static (_, _) => Task.FromResult<ReadResult>(new ReadRejected(RejectionReason.TooStale, "old"));
        var (result, took) = await ReadAsync(TimeSpan.FromSeconds(1), seconds: 2);
        Assert.Equal(RejectionReason.TooStale, Assert.IsType<ReadRejected>(result).Reason);
        Assert.InRange(took, TimeSpan.FromSeconds(1.5), TimeSpan.FromSeconds(2.1));
        Assert.Equal([A, B, C], world.Reads.Distinct().Order());
    }

    [Fact]
    public async Task Stale_reads_do_not_make_the_leader_be_forgotten()
    {
        world.Read = static (at, _) => Task.FromResult<ReadResult>(at == B ? new ReadServed(null) : new ReadRejected(RejectionReason.NotLeader, "", B));
        await time.DriveAsync(router.ReadAsync(new("orders", 3), world.Places, "k"u8.ToArray(), TimeSpan.FromSeconds(1)));
        world.ReadStale = static (_, _) => Task.FromResult<ReadResult>(new ReadRejected(RejectionReason.TooStale, "old"));
        await ReadAsync(TimeSpan.FromSeconds(1), seconds: 1);
        world.Reads.Clear();
        await time.DriveAsync(router.ReadAsync(new("orders", 3), world.Places, "k"u8.ToArray(), TimeSpan.FromSeconds(1)));
        Assert.Equal([B], world.Reads);
    }

    [Fact]
    public async Task Of_several_replicas_in_the_own_datacenter_another_serves_when_one_does_not_and_is_asked_from_then_on()
    {
        var second = new ReplicaPlace(A, 2);
        world.Places = [A, B, C, second, new(B, 2)];
        await ReadAsync(null);
        Assert.Equal([second], world.Asked);
        world.NotReady.Add(second);
        Assert.Equal(A, Assert.IsType<ReadServed>((await ReadAsync(null)).Result).Datacenter);
        Assert.Equal([second, second, A], world.Asked);
        await ReadAsync(null);
        Assert.Equal([second, second, A, A], world.Asked);

        // Another shard begins at another silo.
        await time.DriveAsync(router.ReadStaleAsync(new("orders", 4), world.Places, "k"u8.ToArray(), null, TimeSpan.FromSeconds(1)));
        Assert.Equal(A, world.Asked[^1]);
        world.NotReady.Add(A);
        Assert.NotEqual(A, Assert.IsType<ReadServed>((await ReadAsync(null)).Result).Datacenter);
        Assert.Equal([A, second], world.Asked.SkipLast(1).TakeLast(2));
    }

    private Task<(ReadResult Result, TimeSpan Took)> ReadAsync(TimeSpan? maxStaleness, double seconds = 10) =>
        time.DriveAsync(router.ReadStaleAsync(new("orders", 3), world.Places, "k"u8.ToArray(), maxStaleness, TimeSpan.FromSeconds(seconds)));
}
