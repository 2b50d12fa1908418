using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Routing.Shards;
using static MultiDc.Client.Tests.FakeDatacenters;

namespace MultiDc.Client.Tests;

/// <summary>What a client does about keyspaces that are dropped, by itself or by others.</summary>
public sealed class DropKeyspaceTests : IDisposable
{
    private readonly FakeDatacenters world = new();
    private readonly ShardRouter router;
    private readonly IMultiDcClient client;
    private readonly List<(DatacenterId At, ulong? Incarnation)> asked = [];
    private RingSnapshot ring = RingSnapshot.Empty.WithKeyspace(new("orders", 1, [A, B, C]));

    public DropKeyspaceTests()
    {
        var time = new FakeTimeProvider();
        world.Ring = _ => Task.FromResult<RingSnapshot?>(ring);
        router = new(world, new(), time, static () => 0.5, NullLogger<ShardRouter>.Instance);
        client = new MultiDcClient(world, new(world, time, NullLogger<RingCache>.Instance), router, new(), time, static () => 0.5);
    }

    public void Dispose() => router.Dispose();

    [Fact]
    public async Task The_incarnation_that_the_client_saw_is_dropped_and_no_other()
    {
        Answer(_ => new Applied(new(7)));
        Assert.IsType<Applied>(await client.DropKeyspaceAsync("orders"));
        ring = ring.WithoutKeyspace("orders", null).WithKeyspace(new("orders", 1, [A, B, C]));
        Assert.IsType<Applied>(await client.DropKeyspaceAsync("orders"));
        Assert.Equal([(A, 0UL), (A, 3UL)], asked.Select(static a => (a.At, a.Incarnation!.Value)));
    }

    [Fact]
    public async Task What_may_have_been_dropped_is_not_told_as_refused()
    {
        Answer(at => at == A ? new Unknown("lost") : new Rejected(RejectionReason.UnknownKeyspace, "there is no keyspace 'orders'"));
        Assert.Contains("there is no keyspace", Assert.IsType<Unknown>(await client.DropKeyspaceAsync("orders")).Detail);
        Assert.Equal([A, B], asked.Select(static a => a.At));
    }

    [Fact]
    public async Task A_keyspace_that_the_client_cannot_tell_from_a_later_one_is_not_dropped_twice()
    {
        ring = RingSnapshot.Empty.WithKeyspace(new("other", 1, [A]));
        Answer(_ => new Unknown("lost"));
        Assert.IsType<Unknown>(await client.DropKeyspaceAsync("orders"));
        Assert.Equal([(A, null)], asked);
    }

    [Fact]
    public async Task A_client_that_missed_a_drop_and_a_creation_goes_on_in_the_new_keyspace()
    {
        world.Write = (_, request) => Task.FromResult<WriteResult>(world.Writes.Count == 1 ? new Rejected(RejectionReason.UnknownKeyspace, "dropped") : new Applied(new(3)));
        world.Read = (at, _) => Task.FromResult<ReadResult>(
            world.Reads.Count == 1 ? new ReadRejected(RejectionReason.UnknownKeyspace, "dropped") : new ReadServed(null, new(1), TimeSpan.Zero, at, ReadLevelKind.Linearizable));
        await client.ListKeyspacesAsync();
        ring = ring.WithoutKeyspace("orders", null).WithKeyspace(new("orders", 1, [A, B, C]));
        Assert.IsType<Applied>(await client.PutAsync("orders", "k", "v"));
        Assert.Equal(2, world.Writes.Count);
        ring = ring.WithoutKeyspace("orders", null).WithKeyspace(new("orders", 1, [A, B, C]));
        world.Reads.Clear();
        Assert.IsType<ReadServed>(await client.GetAsync("orders", "k"));
        Assert.Equal(2, world.Reads.Count);
    }

    [Fact]
    public async Task A_keyspace_that_is_gone_is_unknown_whatever_was_asked()
    {
        await client.ListKeyspacesAsync();
        world.Write = static (_, _) => Task.FromResult<WriteResult>(new Rejected(RejectionReason.UnknownKeyspace, "dropped"));
        world.Read = static (_, _) => Refused();
        world.ReadStale = static (_, _) => Refused();
        world.ReadAtLeast = static (_, _) => Refused();
        world.ReadByFollower = static (_, _) => Refused();
        world.Scan = static (_, _, _) => Task.FromResult<ScanReply>(new([], false, new(RejectionReason.UnknownKeyspace, "dropped")));
        Assert.Equal(RejectionReason.UnknownKeyspace, Assert.IsType<Rejected>(await client.PutAsync("orders", "k", "v")).Reason);
        Assert.Single(world.Writes);
        foreach (var level in new[] { ReadLevel.Linearizable, ReadLevel.LinearizableFollower, ReadLevel.Local, ReadLevel.BoundedStaleness(TimeSpan.FromSeconds(1)), ReadLevel.Session(new()) })
        {
            world.Reads.Clear();
            Assert.Equal(RejectionReason.UnknownKeyspace, Assert.IsType<ReadRejected>(await client.GetAsync("orders", Bytes("k"), level)).Reason);
            Assert.InRange(world.Reads.Count, 1, 2);
        }

        var scan = await Assert.ThrowsAsync<MultiDcUnavailableException>(async () => await client.ScanAsync("orders", "").ToArrayAsync());
        Assert.Equal(RejectionReason.UnknownKeyspace, scan.Reason);

        static Task<ReadResult> Refused() => Task.FromResult<ReadResult>(new ReadRejected(RejectionReason.UnknownKeyspace, "dropped"));
    }

    [Fact]
    public async Task A_watch_token_of_a_dropped_keyspace_does_not_fit_the_one_that_has_its_name_now()
    {
        ring = ring.WithoutKeyspace("orders", null).WithKeyspace(new("orders", 1, [A, B, C]));
        var old = WatchToken.Parse(WatchToken.OfAllShards("orders", [new(9)]).ToString());
        var refused = await Assert.ThrowsAsync<MultiDcUnavailableException>(async () => await client.WatchAsync("orders", WatchFilter.Prefix(default), WatchStart.After(old)).FirstAsync());
        Assert.Equal(RejectionReason.InvalidArgument, refused.Reason);
        Assert.Contains("that was dropped", refused.Message);
        Assert.Equal("orders~3", WatchToken.Parse(WatchToken.OfAllShards("orders~3", [new(9)]).ToString()).Keyspace);
    }

    private void Answer(Func<DatacenterId, WriteResult> answer) => world.DropKeyspace = (at, _, incarnation) =>
    {
        asked.Add((at, incarnation));
        return Task.FromResult(answer(at));
    };

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
