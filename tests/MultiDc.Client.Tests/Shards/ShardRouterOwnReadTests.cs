using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Routing.Shards;
using static MultiDc.Client.Tests.FakeDatacenters;

namespace MultiDc.Client.Tests.Shards;

public sealed class ShardRouterOwnReadTests : IDisposable
{
    private static readonly Revision Seven = new(7);

    private readonly FakeDatacenters world = new();
    private readonly FakeTimeProvider time = new();
    private readonly ShardRouterOptions options = new();
    private readonly ShardRouter router;

    public ShardRouterOwnReadTests() => router = new(world, options, time, static () => 0.5, NullLogger<ShardRouter>.Instance);

    public void Dispose() => router.Dispose();

    [Fact]
    public async Task The_own_datacenter_serves_what_is_as_new_as_was_seen_and_may_take_a_moment_to_get_there()
    {
        world.ReadAtLeast = (at, request) =>
        {
            Assert.Equal((Seven, options.SessionReadWait), (request.AtLeast, request.Timeout));
            return Task.FromResult<ReadResult>(new ReadServed(null, new(8), Datacenter: at));
        };
        var served = Assert.IsType<ReadServed>(await AtLeastAsync(Seven));
        Assert.Equal((A, new Revision(8), ReadLevelKind.Session), (served.Datacenter, served.Revision, served.Level));
        Assert.Equal([A], world.Reads);
    }

    [Fact]
    public async Task A_replica_that_is_behind_sends_the_read_to_its_leader_and_then_to_the_others()
    {
        world.ReadAtLeast = static (at, _) => Task.FromResult<ReadResult>(at == B ? new ReadServed(null, Seven, Datacenter: at) : new ReadRejected(RejectionReason.TooStale, "", at == A ? C : null));
        Assert.Equal(B, Assert.IsType<ReadServed>(await AtLeastAsync(Seven)).Datacenter);
        Assert.Equal([A, C, B], world.Reads);
    }

    [Fact]
    public async Task What_answers_with_something_older_than_was_asked_for_is_not_believed()
    {
        world.ReadAtLeast = static (at, _) => Task.FromResult<ReadResult>(new ReadServed(null, new(at == B ? 9ul : 6), Datacenter: at));
        Assert.Equal(B, Assert.IsType<ReadServed>(await AtLeastAsync(Seven)).Datacenter);
        options.UnsafeReadsWithoutSession = true;
        Assert.Equal(A, Assert.IsType<ReadServed>(await AtLeastAsync(Seven)).Datacenter);
    }

    [Fact]
    public async Task When_nobody_has_got_there_in_time_the_read_is_linearizable()
    {
        world.ReadAtLeast = static (_, _) => Task.FromResult<ReadResult>(new ReadRejected(RejectionReason.TooStale, "behind"));
        world.Read = static (at, _) => Task.FromResult<ReadResult>(new ReadServed(null, Seven, TimeSpan.Zero, at, ReadLevelKind.Linearizable));
        Assert.Equal(ReadLevelKind.Linearizable, Assert.IsType<ReadServed>(await AtLeastAsync(Seven)).Level);
        Assert.Equal([A, B, C, A], world.Reads);
    }

    [Fact]
    public async Task What_was_forgotten_is_read_linearizably()
    {
        world.Read = static (at, _) => Task.FromResult<ReadResult>(new ReadServed(null, new(1), TimeSpan.Zero, at, ReadLevelKind.Linearizable));
        Assert.Equal(ReadLevelKind.Linearizable, Assert.IsType<ReadServed>(await AtLeastAsync(null)).Level);
        Assert.Equal([A], world.Reads);
    }

    [Fact]
    public async Task A_token_that_is_ahead_of_the_leader_cannot_be_this_systems()
    {
        world.ReadAtLeast = static (_, _) => Task.FromResult<ReadResult>(new ReadRejected(RejectionReason.TooStale, "behind"));
        world.Read = static (at, _) => Task.FromResult<ReadResult>(new ReadServed(null, new(6), TimeSpan.Zero, at));
        Assert.Equal(RejectionReason.InvalidArgument, Assert.IsType<ReadRejected>(await AtLeastAsync(Seven)).Reason);
    }

    [Fact]
    public async Task Without_a_leader_it_is_told_that_all_are_behind()
    {
        world.ReadAtLeast = static (_, _) => Task.FromResult<ReadResult>(new ReadRejected(RejectionReason.TooStale, "behind"));
        world.Read = static (_, _) => Task.FromResult<ReadResult>(new ReadRejected(RejectionReason.NotLeader, ""));
        Assert.Equal(RejectionReason.TooStale, Assert.IsType<ReadRejected>(await AtLeastAsync(Seven)).Reason);
    }

    [Fact]
    public async Task A_follower_read_is_asked_of_the_own_datacenter_and_of_the_leader_when_that_cannot_serve_it()
    {
        world.Read = static (at, _) => Task.FromResult<ReadResult>(at == B ? new ReadServed(null, Datacenter: B) : new ReadRejected(RejectionReason.NotLeader, "", B));
        Assert.Equal(A, Assert.IsType<ReadServed>(await ByFollowerAsync()).Datacenter);
        Assert.Equal([A], world.Reads);
        world.Reads.Clear();
        world.ReadByFollower = static (_, _) => Task.FromResult<ReadResult>(new ReadRejected(RejectionReason.NotLeader, ""));
        Assert.Equal(B, Assert.IsType<ReadServed>(await ByFollowerAsync()).Datacenter);
        Assert.Equal([A, A, B], world.Reads);
        world.Reads.Clear();
        world.Down.Add(A);
        Assert.Equal(B, Assert.IsType<ReadServed>(await ByFollowerAsync()).Datacenter);
        Assert.Equal([B], world.Reads);
    }

    [Fact]
    public async Task A_follower_that_does_not_answer_costs_one_attempt()
    {
        world.ReadByFollower = static (_, _) => Never<ReadResult>();
        var (result, took) = await time.DriveAsync(router.ReadByFollowerAsync(new("orders", 3), world.Places, "k"u8.ToArray(), TimeSpan.FromSeconds(10)));
        Assert.IsType<ReadServed>(result);
        Assert.InRange(took, options.AttemptTimeout, options.AttemptTimeout + TimeSpan.FromMilliseconds(300));
    }

    private async Task<ReadResult> AtLeastAsync(Revision? minimum) =>
        (await time.DriveAsync(router.ReadAtLeastAsync(new("orders", 3), world.Places, "k"u8.ToArray(), minimum, TimeSpan.FromSeconds(5)))).Result;

    private async Task<ReadResult> ByFollowerAsync() =>
        (await time.DriveAsync(router.ReadByFollowerAsync(new("orders", 3), world.Places, "k"u8.ToArray(), TimeSpan.FromSeconds(5)))).Result;
}
