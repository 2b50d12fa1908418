using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Ring;
using MultiDc.Routing.Shards;
using static MultiDc.Client.Tests.FakeDatacenters;

namespace MultiDc.Client.Tests;

public sealed class InSessionTests : IDisposable
{
    private static readonly RingSnapshot TheRing = RingSnapshot.Empty.WithKeyspace(new("orders", 1, [A, B, C]));
    private readonly FakeDatacenters world = new() { Ring = static _ => Task.FromResult<RingSnapshot?>(TheRing) };
    private readonly ShardRouter router;
    private readonly ReadSession session = new();
    private readonly IMultiDcClient client;
    private readonly IMultiDcClient plain;

    public InSessionTests()
    {
        var time = new FakeTimeProvider();
        router = new(world, new(), time, static () => 0.5, NullLogger<ShardRouter>.Instance);
        plain = new MultiDcClient(world, new(world, time, NullLogger<RingCache>.Instance), router, new(), time, static () => 0.5);
        client = plain.InSession(session);
    }

    public void Dispose() => router.Dispose();

    [Fact]
    public async Task Whatever_is_written_read_refused_or_scanned_is_noted_and_the_next_read_needs_it()
    {
        var needed = new List<ulong>();
        world.ReadAtLeast = (at, request) =>
        {
            needed.Add(request.AtLeast.Value);
            return Task.FromResult<ReadResult>(new ReadServed(null, new(Math.Max(request.AtLeast.Value, 3)), Datacenter: at));
        };
        await client.GetAsync("orders", "k");
        world.Write = static (_, _) => Task.FromResult<WriteResult>(new Applied(new(10)));
        await client.PutAsync("orders", "k", "v");
        await client.GetAsync("orders", "k");
        world.Write = static (_, _) => Task.FromResult<WriteResult>(new Rejected(RejectionReason.PreconditionFailed, "") { Revision = new(20) });
        await client.CompareAndSetAsync("orders", "k", "x", "v");
        await client.GetAsync("orders", "k");
        world.Scan = static (_, _, _) => Task.FromResult<Grains.ScanReply>(new([], false, null, new(30)));
        Assert.Empty(await client.ScanAsync("orders", "").ToArrayAsync());
        await client.GetAsync("orders", "k");
        world.Read = static (at, _) => Task.FromResult<ReadResult>(new ReadServed(null, new(40), TimeSpan.Zero, at));
        Assert.Equal(ReadLevelKind.Linearizable, Assert.IsType<ReadServed>(await client.GetAsync("orders", "k", ReadLevel.Linearizable)).Level);
        await plain.GetAsync("orders", "k", ReadLevel.Session(session));
        world.Write = static (_, _) => Task.FromResult<WriteResult>(new Rejected(RejectionReason.InvalidArgument, ""));
        await client.PutAsync("orders", "k", "v");
        await plain.GetAsync("orders", "k", ReadLevel.Session(new(session.Token)));
        Assert.Equal([0, 10, 20, 30, 40, 40], needed);
    }

    [Fact]
    public async Task Operations_that_tell_more_than_that_they_happened_are_noted_too()
    {
        world.Write = static (_, _) => Task.FromResult<WriteResult>(new AppliedNumber(new(12), 3));
        await client.WriteAsync("orders", new Grains.AddOperation("k"u8.ToArray(), 3));
        Assert.Equal(new Revision(12), session.Token.Seen.Values.Single());
        world.Write = static (_, _) => Task.FromResult<WriteResult>(new AppliedBatch(new(14), true, []));
        await client.WriteAsync("orders", Grains.BatchOperation.Of(null, [new Grains.DeleteOperation("k"u8.ToArray())]));
        Assert.Equal(new Revision(14), session.Token.Seen.Values.Single());
    }

    [Fact]
    public async Task A_read_of_another_session_is_noted_in_both()
    {
        var other = new ReadSession();
        world.ReadAtLeast = static (at, _) => Task.FromResult<ReadResult>(new ReadServed(null, new(9), Datacenter: at));
        await client.GetAsync("orders", "k", ReadLevel.Session(other));
        Assert.Equal(session.Token, other.Token);
        Assert.Single(session.Token.Seen);
    }
}
