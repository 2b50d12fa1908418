using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Routing.Shards;
using static MultiDc.Client.Tests.FakeDatacenters;

namespace MultiDc.Client.Tests.Shards;

public sealed class ShardRouterReadTests : IDisposable
{
    private readonly FakeDatacenters world = new();
    private readonly FakeTimeProvider time = new();
    private readonly ShardRouter router;

    public ShardRouterReadTests() => router = new(world, new(), time, static () => 0.5, NullLogger<ShardRouter>.Instance);

    public void Dispose() => router.Dispose();

    [Theory]
    [InlineData(RejectionReason.NotLeader)]
    [InlineData(RejectionReason.NotReady)]
    [InlineData(RejectionReason.Unavailable)]
    public async Task A_replica_that_cannot_serve_sends_the_read_to_the_next(RejectionReason reason)
    {
        world.Read = (at, _) => Task.FromResult<ReadResult>(at == B ? new ReadServed(null) : new ReadRejected(reason, "", B));
        Assert.IsType<ReadServed>((await ReadAsync()).Result);
        Assert.Equal([A, B], world.Reads);
    }

    [Theory]
    [InlineData(0, 0.8)]
    [InlineData(400, 1.6)]
    public async Task A_lost_answer_sends_the_read_to_the_next_and_a_slow_link_gets_more_time(int roundTripMs, double seconds)
    {
        world.RoundTrips[A] = TimeSpan.FromMilliseconds(roundTripMs);
        world.Read = static (at, _) => at == A ? Never<ReadResult>() : Task.FromResult<ReadResult>(new ReadServed(null));
        var (result, took) = await ReadAsync();
        Assert.IsType<ReadServed>(result);
        Assert.InRange(took, TimeSpan.FromSeconds(seconds), TimeSpan.FromSeconds(seconds + 0.3));
    }

    [Fact]
    public async Task What_will_never_be_served_is_told_at_once()
    {
        world.Read = static (_, _) => Task.FromResult<ReadResult>(new ReadRejected(RejectionReason.InvalidArgument, "no"));
        Assert.Equal(RejectionReason.InvalidArgument, Assert.IsType<ReadRejected>((await ReadAsync()).Result).Reason);
        Assert.Single(world.Reads);
    }

    [Fact]
    public async Task Without_a_leader_the_read_is_unavailable_at_its_deadline()
    {
        world.Read = static (_, _) => Task.FromResult<ReadResult>(new ReadRejected(RejectionReason.NotLeader, ""));
        var (result, took) = await ReadAsync(2);
        Assert.Equal(RejectionReason.Unavailable, Assert.IsType<ReadRejected>(result).Reason);
        Assert.InRange(took, TimeSpan.FromSeconds(1.5), TimeSpan.FromSeconds(2.1));
    }

    [Fact]
    public async Task A_replica_that_is_overloaded_to_the_end_is_told_as_such_and_not_as_no_leader()
    {
        world.Read = static (_, _) => Task.FromResult<ReadResult>(new ReadRejected(RejectionReason.Overloaded, "full") { RetryAfter = TimeSpan.FromMilliseconds(200) });
        var (result, _) = await ReadAsync(2);
        var rejected = Assert.IsType<ReadRejected>(result);
        Assert.Equal((RejectionReason.Overloaded, 200), (rejected.Reason, rejected.RetryAfter!.Value.TotalMilliseconds));
        Assert.InRange(world.Reads.Count, 4, 10);
        Assert.All(world.Reads, static at => Assert.Equal(A, at));
    }

    private Task<(ReadResult Result, TimeSpan Took)> ReadAsync(double seconds = 10) =>
        time.DriveAsync(router.ReadAsync(new("orders", 3), world.Places, "k"u8.ToArray(), TimeSpan.FromSeconds(seconds)));
}
