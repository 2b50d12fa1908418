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
    public async Task Leases_that_are_granted_kept_alive_and_revoked_are_noted_too()
    {
        world.Write = static (_, _) => Task.FromResult<WriteResult>(new Applied(new(16)));
        await client.GrantLeaseAsync("orders", "k", TimeSpan.FromSeconds(10));
        Assert.Equal(new Revision(16), session.Token.Seen.Values.Single());
        world.Write = static (_, _) => Task.FromResult<WriteResult>(new AppliedKeepAlive(new(18), [new(16)]));
        await client.KeepAliveAsync("orders", "k", [new(16)]);
        Assert.Equal(new Revision(18), session.Token.Seen.Values.Single());
        world.Write = static (_, _) => Task.FromResult<WriteResult>(new Rejected(RejectionReason.LeaseNotFound, "") { Revision = new(20) });
        await client.RevokeLeaseAsync("orders", "k", new(16));
        Assert.Equal(new Revision(20), session.Token.Seen.Values.Single());
    }

    [Fact]
    public async Task Reads_of_leases_and_what_a_watch_tells_are_noted_too()
    {
        world.Lease = static request => new(null, null) { Revision = new(request.Lease.Value) };
        await client.GetLeaseAsync("orders", "k", new(16));
        Assert.Equal(new Revision(16), session.Token.Seen.Values.Single());
        world.Lease = static _ => new(null, new(RejectionReason.InvalidArgument, ""));
        await client.GetLeaseAsync("orders", "k", new(16));

        // Noted before the consumer has it, and not earlier.
        world.Watch = static (_, _, request) => Task.FromResult<Grains.WatchReply>(new(
            [new(new(request.After!.Value.Value + 1), [new("k"u8.ToArray(), null, null)])], new(request.After.Value.Value + 1), null, null));
        var told = 20UL;
        await foreach (var batch in client.WatchAsync("orders", WatchFilter.Key("k"u8.ToArray()), WatchStart.After(new Revision(20))))
        {
            Assert.Equal(new Revision(++told), batch.Revision);
            Assert.Equal(batch.Revision, session.Token.Seen.Values.Single());
            if (told == 23)
            {
                break;
            }
        }
    }

    /// <summary>Where the session has forgotten how far it had seen, what a lagging replica says is no news.</summary>
    [Fact]
    public async Task What_may_be_older_than_what_was_forgotten_is_not_noted()
    {
        world.Write = static (_, _) => Task.FromResult<WriteResult>(new Applied(new(100)));
        await client.PutAsync("orders", "k", "v");
        for (var i = 0; i < SessionToken.MaxShards; i++)
        {
            session.Begin(new("other", i)).Note(new(1));
        }

        Assert.Null(session.Begin(new("orders", 0)).Minimum);
        world.ReadStale = static (at, _) => Task.FromResult<ReadResult>(new ReadServed(null, new(90), Datacenter: at));
        world.ReadAtLeast = static (at, _) => Task.FromResult<ReadResult>(new ReadServed(null, new(90), Datacenter: at));
        world.Watch = static (_, _, request) => Task.FromResult<Grains.WatchReply>(new([new(new(91), [new("k"u8.ToArray(), null, null)])], new(91), null, null));
        await client.GetAsync("orders", "k", ReadLevel.Local);
        await client.GetAsync("orders", "k", ReadLevel.Session(new()));
        await foreach (var batch in client.WatchAsync("orders", WatchFilter.Key("k"u8.ToArray()), WatchStart.After(new Revision(90))))
        {
            break;
        }

        Assert.Null(session.Begin(new("orders", 0)).Minimum);
        world.Read = static (at, _) => Task.FromResult<ReadResult>(new ReadServed(null, new(110), TimeSpan.Zero, at));
        await client.GetAsync("orders", "k");
        Assert.Equal(new Revision(110), session.Begin(new("orders", 0)).Minimum);
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
