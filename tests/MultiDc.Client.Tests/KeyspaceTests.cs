using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Routing.Shards;
using static MultiDc.Client.Tests.FakeDatacenters;

namespace MultiDc.Client.Tests;

public sealed class KeyspaceTests : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);
    private readonly FakeDatacenters world = new();
    private readonly FakeTimeProvider time = new();
    private readonly ShardRouter router;
    private readonly IMultiDcClient client;
    private RingSnapshot ring = RingSnapshot.Empty.WithKeyspace(KeyspaceDescriptor.OfRanges("ranges", [Bytes("g"), Bytes("p")], [A, B, C])).WithKeyspace(new("orders", 1, [A, B, C]));

    public KeyspaceTests()
    {
        world.Ring = _ => Task.FromResult<RingSnapshot?>(ring);
        router = new(world, new(), time, static () => 0.5, NullLogger<ShardRouter>.Instance);
        client = new MultiDcClient(world, new(world, time, NullLogger<RingCache>.Instance, Period), router, new(), time, static () => 0.5);
    }

    public void Dispose() => router.Dispose();

    [Fact]
    public async Task Ranges_are_scanned_one_after_the_other_and_only_as_far_as_the_scan_goes()
    {
        var asked = new List<int>();
        world.Scan = (shard, _, request) =>
        {
            asked.Add(shard.Number);
            var keys = new[] { "a b c", "g h", "p" }[shard.Number].Split(' ').Where(k => k.StartsWith(Encoding.UTF8.GetString(request.Prefix.Span), StringComparison.Ordinal)).ToArray();
            var after = request.After is { } last ? Array.IndexOf(keys, Encoding.UTF8.GetString(last.Span)) + 1 : 0;
            return Task.FromResult<ScanReply>(new([.. keys.Skip(after).Take(2).Select(static k => new KeyValueEntry(Bytes(k), default, new(1), new(1), 1))], after + 2 < keys.Length, null));
        };
        Assert.Equal(["a", "b", "c", "g", "h", "p"], await KeysAsync(""));
        Assert.Equal([0, 0, 1, 2], asked);
        asked.Clear();
        Assert.Equal(["h"], await KeysAsync("h"));
        Assert.Equal([1], asked);
        asked.Clear();
        await foreach (var _ in client.ScanAsync("ranges", ""))
        {
            break;
        }

        Assert.Equal([0], asked);

        async Task<string[]> KeysAsync(string prefix) => await client.ScanAsync("ranges", prefix).Select(static entry => entry.KeyText()).ToArrayAsync();
    }

    [Fact]
    public async Task Writes_and_reads_go_to_the_shard_that_has_the_key()
    {
        await client.PutAsync("ranges", "h", "v");
        await client.GetAsync("ranges", "h");
        Assert.Equal(new ShardId("ranges", 1), ring.Keyspaces[1].ShardOf(Bytes("h")));
        Assert.Single(world.Writes);
    }

    [Fact]
    public async Task What_was_altered_is_learnt_while_the_client_goes_on()
    {
        world.ReadStale = static (at, _) => Task.FromResult<ReadResult>(new ReadServed(null, new(1), Datacenter: at));
        world.Read = static (at, _) => Task.FromResult<ReadResult>(new ReadServed(null, new(1), TimeSpan.Zero, at, ReadLevelKind.Linearizable));
        Assert.Equal(ReadLevelKind.Linearizable, await LevelAsync());
        ring = ring.WithChange("orders", new() { ReadDefault = new(ReadLevelKind.Local), MaxValueBytes = 2 });
        time.Advance(Period);
        Assert.Equal(ReadLevelKind.Linearizable, await LevelAsync());
        Assert.Single(world.RingCalls);
        time.Advance(TimeSpan.FromMilliseconds(1));
        await LevelAsync();
        Assert.Equal(2, world.RingCalls.Count);
        Assert.Equal(ReadLevelKind.Local, await LevelAsync());
        Assert.Equal(2, world.RingCalls.Count);
        Assert.Contains("allows at most 2", Assert.IsType<Rejected>(await client.PutAsync("orders", "k", "abc")).Detail);
        Assert.Empty(world.Writes);

        async Task<ReadLevelKind> LevelAsync() => Assert.IsType<ReadServed>(await client.GetAsync("orders", "k")).Level;
    }

    [Fact]
    public async Task What_earlier_silos_do_not_know_is_asked_by_a_call_they_do_not_know()
    {
        var (created, defined, altered) = (0, 0, 0);
        world.CreateKeyspace = (_, keyspace) => { created++; return Task.FromResult<WriteResult>(new Applied(new(1))); };
        world.DefineKeyspace = (_, keyspace) => { defined++; return Task.FromResult<WriteResult>(new Applied(new(1))); };
        world.AlterKeyspace = (_, _, _) => { altered++; return Task.FromResult<WriteResult>(new Rejected(RejectionReason.UnknownKeyspace, "none")); };
        Assert.IsType<Applied>(await client.CreateKeyspaceAsync(new KeyspaceDescriptor("new", 1, default)));
        Assert.IsType<Applied>(await client.CreateKeyspaceAsync(new KeyspaceDescriptor("new", 1, default) { MaxValueBytes = 1 }));
        Assert.IsType<Applied>(await client.CreateKeyspaceAsync(KeyspaceDescriptor.OfRanges("new", [])));
        Assert.IsType<Rejected>(await client.CreateKeyspaceAsync(new KeyspaceDescriptor("new", 1, [A]) { Survives = SurvivalGoal.Silo }));
        Assert.IsType<Rejected>(await client.AlterKeyspaceAsync("new", new()));
        Assert.Equal((1, 2, 1), (created, defined, altered));
        Assert.Equal(["orders", "ranges"], (await client.ListKeyspacesAsync())!.Select(static k => k.Name));
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
