using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Routing.Shards;
using static MultiDc.Client.Tests.FakeDatacenters;

namespace MultiDc.Client.Tests;

public sealed class MultiDcClientTests : IDisposable
{
    private static readonly RingSnapshot TheRing = RingSnapshot.Empty.WithKeyspace(new("orders", 4, [A, B, C]));
    private readonly FakeDatacenters world = new() { Ring = static _ => Task.FromResult<RingSnapshot?>(TheRing) };
    private readonly FakeTimeProvider time = new();
    private readonly ShardRouter router;
    private readonly RingCache ring;
    private readonly IMultiDcClient client;

    public MultiDcClientTests()
    {
        router = new(world, new(), time, static () => 0.5, NullLogger<ShardRouter>.Instance);
        ring = new(world, time, NullLogger<RingCache>.Instance);
        client = new MultiDcClient(world, ring, router, new(), time, static () => 0.5);
    }

    public void Dispose() => router.Dispose();

    [Fact]
    public async Task A_scan_merges_all_shards_in_key_order_page_by_page()
    {
        var keys = Enumerable.Range(0, 900).Select(static i => $"{i * 7919 % 900:000}").ToArray();
        var pages = 0;
        world.Scan = (shard, _, request) =>
        {
            pages++;
            var mine = keys.Where(k => RingSnapshot.ShardOf(TheRing.Keyspaces[0], Bytes(k)) == shard && (request.After is not { } after || string.CompareOrdinal(k, Text(after)) > 0))
                .Order(StringComparer.Ordinal).ToArray();
            var page = mine.Take(Math.Min(request.MaxEntries, 50)).Select(static k => new KeyValueEntry(Bytes(k), Bytes($"v{k}"), new(1), new(1), 1)).ToArray();
            return Task.FromResult<ScanReply>(new(page, mine.Length > page.Length, null));
        };
        var found = new List<string>();
        await foreach (var entry in client.ScanAsync("orders", ""))
        {
            found.Add(entry.KeyText());
        }

        Assert.Equal(keys.Order(StringComparer.Ordinal), found);
        Assert.InRange(pages, 18, 25);
    }

    [Fact]
    public async Task A_scan_that_cannot_go_on_says_so()
    {
        world.Scan = static (shard, _, _) => Task.FromResult<ScanReply>(new([], false, shard.Number == 2 ? new(RejectionReason.InvalidArgument, "no") : null));
        var exception = await Assert.ThrowsAsync<MultiDcUnavailableException>(async () => await client.ScanAsync("orders", "").GetAsyncEnumerator().MoveNextAsync());
        Assert.Equal("shard orders/2: no", exception.Message);
        exception = await Assert.ThrowsAsync<MultiDcUnavailableException>(async () => await client.ScanAsync("none", "").GetAsyncEnumerator().MoveNextAsync());
        Assert.Equal(RejectionReason.UnknownKeyspace, exception.Reason);
    }

    [Fact]
    public async Task Keys_and_values_have_limits_and_nothing_beyond_them_is_sent()
    {
        Assert.Equal("the key is empty", Refused(await client.PutAsync("orders", "", "v")));
        Assert.Equal("the key has 1025 bytes; at most 1024 are allowed", Refused(await client.DeleteAsync("orders", new string('k', 1025))));
        Assert.Equal("the value has 1048577 bytes; at most 1048576 are allowed", Refused(await client.PutAsync("orders", "k", new string('v', 1048577))));
        Assert.Equal("the value has 1048577 bytes; at most 1048576 are allowed", Refused(await client.CompareAndSetAsync("orders", "k", null, new string('v', 1048577))));
        Assert.Equal("the value has 1048577 bytes; at most 1048576 are allowed", Refused(await client.CompareAndSetAsync("orders", "k", new string('v', 1048577), "v")));
        Assert.IsType<ReadRejected>(await client.GetAsync("orders", ""));
        Assert.Contains("system's own", Refused(await client.PutAsync("multidc.ring", "ring", "v")));
        Assert.Empty(world.Writes);
        Assert.IsType<Applied>(await client.PutAsync("orders", new string('k', 1024), new string('v', 1048576)));
    }

    [Fact]
    public async Task An_absent_expected_value_arrives_as_absent()
    {
        await client.CompareAndSetAsync("orders", "k", null, "v");
        await client.CompareAndSetAsync("orders", "k", "", "v");
        Assert.Equal([null, 0], world.Writes.Select(static w => ((CompareAndSetOperation)w.Request.Operation).Expected?.Length));
    }

    [Fact]
    public async Task A_batch_goes_to_the_shard_of_its_tag_or_is_not_sent()
    {
        Assert.Contains("{tag}", Refused(await client.BatchAsync("orders", null, Enumerable.Range(0, 9).Select(static i => Do.Delete($"k{i}")))));
        Assert.Contains("at most 128", Refused(await client.BatchAsync("orders", null, Enumerable.Repeat(Do.Delete("k"), 129))));
        Assert.Equal("the batch is empty", Refused(await client.BatchAsync("orders", null, null)));
        Assert.Equal("the guard's name is empty", Refused(await client.AddAsync("orders", "k", 1, new Guard("", 1))));
        Assert.Contains("system's own", Refused(await client.AddAsync("multidc.ring", "k", 1)));
        Assert.Empty(world.Writes);

        Assert.IsType<Applied>(await client.BatchAsync("orders", [When.Exists("{t}/1")], Enumerable.Range(0, 9).Select(static i => Do.Delete($"{{t}}/{i}")), guard: new("g", 7)));
        var sent = Assert.IsType<BatchOperation>(Assert.Single(world.Writes).Request.Operation);
        Assert.Equal((9, 1, new Guard("g", 7)), (sent.Then.Length, sent.If.Length, sent.Guard));
    }

    [Fact]
    public async Task A_key_goes_to_its_shard()
    {
        foreach (var i in Enumerable.Range(0, 20))
        {
            await client.PutAsync("orders", $"k{i}", "v");
        }

        Assert.Equal(20, world.Writes.Count);
        Assert.InRange(world.Opens.Count, 2, 4);
    }

    [Fact]
    public async Task A_witness_is_asked_for_nothing_also_when_it_is_nearest_or_named_as_leader()
    {
        // The client is in a, which it need not know to be a witness: the ring tells.
        var witnessed = RingSnapshot.Empty.WithKeyspace(new("orders", 4, [A, B, C], [A]));
        world.Ring = _ => Task.FromResult<RingSnapshot?>(witnessed);
        world.Write = static (at, _) => Task.FromResult<WriteResult>(at == C ? new Applied(new(1)) : new Rejected(RejectionReason.NotLeader, "another leads", A));
        world.Scan = static (_, at, _) => Task.FromResult<ScanReply>(new([], false, at == A ? new(RejectionReason.InvalidArgument, "a witness has none") : null));
        Assert.IsType<Applied>(await client.PutAsync("orders", "k", "v"));
        Assert.IsType<ReadServed>(await client.GetAsync("orders", "k"));
        await foreach (var entry in client.ScanAsync("orders", ""))
        {
            Assert.Fail($"{entry}");
        }

        Assert.DoesNotContain(A, world.Opens);
        Assert.DoesNotContain(world.Writes, static w => w.At == A);
        Assert.DoesNotContain(A, world.Reads);
    }

    [Fact]
    public async Task The_ring_is_asked_of_the_others_when_the_own_datacenter_is_away()
    {
        world.Ring = static at => at == A ? Never<RingSnapshot?>() : at == B ? Task.FromException<RingSnapshot?>(new TimeoutException()) : Task.FromResult<RingSnapshot?>(TheRing);
        Assert.IsType<ReadServed>((await time.DriveAsync(client.GetAsync("orders", "k"))).Result);
        Assert.Equal([A, B, C], world.RingCalls);
        await client.GetAsync("orders", "k");
        Assert.Equal(3, world.RingCalls.Count);
    }

    [Fact]
    public async Task Without_any_ring_the_deadline_is_kept()
    {
        world.Ring = static _ => Task.FromResult<RingSnapshot?>(null);
        var (result, took) = await time.DriveAsync(client.GetAsync("orders", "k", TimeSpan.FromSeconds(2)));
        Assert.Equal(RejectionReason.Unavailable, Assert.IsType<ReadRejected>(result).Reason);
        Assert.InRange(took, TimeSpan.FromSeconds(1.8), TimeSpan.FromSeconds(2.1));
    }

    [Fact]
    public async Task An_unknown_keyspace_is_refused_with_those_there_are()
    {
        var rejected = Assert.IsType<Rejected>(await client.PutAsync("none", "k", "v"));
        Assert.Equal((RejectionReason.UnknownKeyspace, "there is no keyspace 'none'; there are 'orders'"), (rejected.Reason, rejected.Detail));
    }

    [Fact]
    public async Task An_older_ring_does_not_make_a_known_keyspace_unknown()
    {
        Assert.IsType<ReadServed>(await client.GetAsync("orders", "k"));
        world.Ring = static _ => Task.FromResult<RingSnapshot?>(RingSnapshot.Empty);
        Assert.Equal(TheRing, await client.GetRingAsync());
        Assert.IsType<ReadServed>(await client.GetAsync("orders", "k"));
    }

    [Fact]
    public async Task A_keyspace_that_may_have_been_created_is_not_told_as_rejected()
    {
        world.CreateKeyspace = static (at, _) => at == A
            ? Task.FromException<WriteResult>(new TimeoutException())
            : Task.FromResult<WriteResult>(new Rejected(RejectionReason.Unavailable, "no leader"));
        Assert.IsType<Unknown>(await client.CreateKeyspaceAsync("new", 1));
        world.CreateKeyspace = static (at, _) => at == A
            ? Task.FromResult<WriteResult>(new Unknown("late"))
            : Task.FromResult<WriteResult>(new Rejected(RejectionReason.Overloaded, "others"));
        Assert.IsType<Unknown>(await client.CreateKeyspaceAsync("new", 1));
        world.CreateKeyspace = static (at, _) => at == A
            ? Task.FromException<WriteResult>(new TimeoutException())
            : Task.FromResult<WriteResult>(new Applied(new(5)));
        Assert.IsType<Applied>(await client.CreateKeyspaceAsync("new", 1));
        Assert.IsType<Rejected>(await client.CreateKeyspaceAsync("New", 1));
    }

    [Fact]
    public async Task Replicas_that_do_not_answer_are_told_as_unreachable()
    {
        world.NotConnected.Add(C);
        var (status, _) = await time.DriveAsync(client.GetStatusAsync());
        Assert.Equal(3 + (4 * 3), status.Count);
        Assert.All(status, static s => Assert.Equal("unreachable", s.State));
        Assert.All(status, static s => Assert.Equal(s.Replica.EndsWith("@c", StringComparison.Ordinal), s.Detail == "its datacenter was never connected"));
    }

    [Fact]
    public async Task Replicas_of_a_datacenter_that_is_still_being_connected_are_waited_for()
    {
        world.NotConnected.Add(C);
        var asking = client.GetStatusAsync();
        Assert.False(asking.IsCompleted);
        world.NotConnected.Remove(C);
        var (status, _) = await time.DriveAsync(asking);
        Assert.All(status, static s => Assert.Equal("away", s.Detail));
    }

    private static string Refused(WriteResult result)
    {
        var rejected = Assert.IsType<Rejected>(result);
        Assert.Equal(RejectionReason.InvalidArgument, rejected.Reason);
        return rejected.Detail;
    }

    private static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    private static string Text(ReadOnlyMemory<byte> bytes) => System.Text.Encoding.UTF8.GetString(bytes.Span);
}
