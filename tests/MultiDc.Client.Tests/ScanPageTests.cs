using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Routing.Shards;
using static MultiDc.Client.Tests.FakeDatacenters;

namespace MultiDc.Client.Tests;

/// <summary>Scans page by page, each taken up by its token alone.</summary>
public sealed class ScanPageTests : IDisposable
{
    private const string Golden = "c1.CW9yZGVyc34xNwJhYmMAw7_UW9JH";

    private readonly FakeDatacenters world = new();
    private readonly FakeTimeProvider time = new();
    private readonly ShardRouter router;
    private readonly SortedSet<string> keys = new(StringComparer.Ordinal);
    private readonly List<int> asked = [];
    private RingSnapshot ring = RingSnapshot.Empty.WithKeyspace(KeyspaceDescriptor.OfRanges("ranges", [Bytes("g"), Bytes("p")], [A, B, C])).WithKeyspace(new("hashes", 5, [A, B, C]));

    public ScanPageTests()
    {
        world.Ring = _ => Task.FromResult<RingSnapshot?>(ring);
        router = new(world, new(), time, static () => 0.5, NullLogger<ShardRouter>.Instance);
        world.Scan = (shard, _, request) =>
        {
            asked.Add(shard.Number);
            ring.TryGetGroup(shard.Keyspace, out var keyspace);
            var all = keys.Select(Bytes).Where(key => keyspace!.ShardOf(key) == shard && key.AsSpan().StartsWith(request.Prefix.Span) && (request.After is not { } after || key.AsSpan().SequenceCompareTo(after.Span) > 0)).ToArray();
            return Task.FromResult<ScanReply>(new([.. all.Take(request.MaxEntries).Select(static key => new KeyValueEntry(key, default, new(1), new(1), 1))], all.Length > request.MaxEntries, null));
        };
    }

    public void Dispose() => router.Dispose();

    /// <summary>Whatever the pages' sizes, and whoever reads the next: all keys, in order, each once.</summary>
    [Theory]
    [InlineData("ranges")]
    [InlineData("hashes")]
    public async Task Pages_make_the_whole_scan_in_order_whoever_reads_the_next(string keyspace)
    {
        var random = new Random(3);
        for (var i = 0; i < 700; i++)
        {
            keys.Add($"{(char)('a' + random.Next(26))}{random.Next(1000)}");
        }

        foreach (var prefix in new[] { "", "g", "p1", "z" })
        {
            var expected = keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).ToArray();
            Assert.Equal(expected, await Client().ScanAsync(keyspace, Bytes(prefix)).Select(static entry => Encoding.UTF8.GetString(entry.Key.Span)).ToArrayAsync());
            var found = new List<string>();
            string? text = null;
            do
            {
                var limit = random.Next(1, 400);
                var page = await Client().ScanPageAsync(keyspace, Bytes(prefix), limit, text is null ? null : ScanToken.Parse(text));
                Assert.Null(page.Rejection);
                Assert.True(page.Entries.Count == limit || page.Next is null);
                found.AddRange(Texts(page));
                text = page.Next?.ToString();
            }
            while (text is not null);

            Assert.Equal(expected, found);
        }
    }

    [Fact]
    public async Task What_comes_and_goes_between_pages_makes_no_key_twice_and_skips_none()
    {
        keys.UnionWith(["b", "d", "f", "h"]);
        var first = await Client().ScanPageAsync("ranges", default, 2);
        Assert.Equal(["b", "d"], Texts(first));
        keys.Remove("d");
        keys.UnionWith(["a", "c", "e"]);
        Assert.Equal(["e", "f", "h"], Texts(await Client().ScanPageAsync("ranges", default, 9, first.Next)));
    }

    [Fact]
    public async Task Ranges_that_were_passed_are_not_asked_again_and_a_full_last_page_has_no_token()
    {
        keys.UnionWith(["b", "h", "q", "r"]);
        var page = await Client().ScanPageAsync("ranges", default, 2);
        asked.Clear();
        page = await Client().ScanPageAsync("ranges", default, 2, page.Next);
        Assert.Equal([1, 2], asked);
        Assert.Equal(["q", "r"], Texts(page));
        Assert.Null(page.Next);
        asked.Clear();
        Assert.Equal(["q"], Texts(await Client().ScanPageAsync("ranges", default, 1, ScanToken.Of("ranges", default, Bytes("p")))));
        Assert.Equal([2], asked);
    }

    [Theory]
    [InlineData("ranges")]
    [InlineData("hashes")]
    public async Task A_page_begins_behind_any_key_and_its_token_goes_on(string keyspace)
    {
        keys.UnionWith(["a", "ga", "gb", "gc", "gd", "h"]);
        Assert.Equal(["gb", "gc"], Texts(await Client().ScanPageAfterAsync(keyspace, Bytes("g"), 2, Bytes("ga"))));
        Assert.Equal(["gb", "gc", "gd"], Texts(await Client().ScanPageAfterAsync(keyspace, Bytes("g"), 9, Bytes("gaa"))));
        Assert.Equal(["ga"], Texts(await Client().ScanPageAfterAsync(keyspace, Bytes("g"), 1, Bytes("a"))));
        Assert.Empty(Texts(await Client().ScanPageAfterAsync(keyspace, Bytes("g"), 9, Bytes("gd"))));
        var first = await Client().ScanPageAfterAsync(keyspace, default, 2, Bytes("gc"));
        Assert.Equal(["gd", "h"], Texts(first));
        first = await Client().ScanPageAfterAsync(keyspace, default, 1, Bytes("gc"));
        Assert.Equal(["h"], Texts(await Client().ScanPageAsync(keyspace, default, 9, first.Next)));
    }

    [Fact]
    public async Task A_token_of_something_else_is_refused_with_the_reason()
    {
        await RefusedAsync("of keyspace 'ranges', the scan of 'hashes'", ScanToken.Of("ranges", default, Bytes("k")));
        await RefusedAsync("another prefix", ScanToken.Of("hashes", Bytes("k"), Bytes("k1")));
        ring = ring.WithoutKeyspace("hashes", null).WithKeyspace(new("hashes", 5, [A, B, C]));
        await RefusedAsync("was dropped", ScanToken.Of("hashes", default, Bytes("k")));
        Assert.Equal(RejectionReason.InvalidArgument, (await Client().ScanPageAsync("hashes", default, 0)).Rejection!.Reason);
        Assert.Equal(RejectionReason.InvalidArgument, (await Client().ScanPageAsync("hashes", default, IMultiDcClient.MaxScanPageEntries + 1)).Rejection!.Reason);
        Assert.Equal(RejectionReason.UnknownKeyspace, (await Client().ScanPageAsync("nowhere", default, 1)).Rejection!.Reason);
        Assert.Empty(asked);

        async Task RefusedAsync(string reason, ScanToken token)
        {
            var rejection = (await Client().ScanPageAsync("hashes", default, 5, token)).Rejection!;
            Assert.Equal(RejectionReason.InvalidArgument, rejection.Reason);
            Assert.Contains(reason, rejection.Detail);
        }
    }

    [Fact]
    public async Task A_page_that_a_shard_refuses_is_none_and_can_be_asked_for_again()
    {
        keys.UnionWith(["b", "h"]);
        var serve = world.Scan;
        world.Scan = (shard, at, request) => shard.Number == 1 ? Task.FromResult<ScanReply>(new([], false, new(RejectionReason.InvalidArgument, "no"))) : serve(shard, at, request);
        var page = await Client().ScanPageAsync("ranges", default, 5);
        Assert.Empty(page.Entries);
        Assert.Contains("no", page.Rejection!.Detail);
        world.Scan = serve;
        Assert.Equal(["b", "h"], Texts(await Client().ScanPageAsync("ranges", default, 5)));
    }

    [Fact]
    public void A_token_keeps_its_text()
    {
        Assert.Equal(Golden, ScanToken.Of("orders~17", Bytes("ab"), Bytes("abc\0\u00ff")).ToString());
        Assert.Equal(ScanToken.Of("orders~17", Bytes("ab"), Bytes("abc\0\u00ff")), ScanToken.Parse(Golden));
        Assert.DoesNotContain(Golden, static c => !char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '_'));
        var greatest = ScanToken.Of($"{new string('k', Names.MaxLength)}~{ulong.MaxValue}", default, new byte[KeyLimits.MaxKeyBytes]);
        Assert.InRange(greatest.ToString().Length, 1480, ScanToken.MaxTextLength);
        Assert.Equal(greatest, ScanToken.Parse(greatest.ToString()));
    }

    [Fact]
    public void What_was_changed_is_no_token()
    {
        for (var i = 0; i < Golden.Length; i++)
        {
            Assert.False(ScanToken.TryParse(Golden[..i] + (Golden[i] == 'A' ? 'B' : 'A') + Golden[(i + 1)..], out _), $"character {i}");
            Assert.False(ScanToken.TryParse(Golden[..i], out _));
        }

        Assert.False(ScanToken.TryParse(Golden + "A", out _));
        Assert.False(ScanToken.TryParse("c2" + Golden[2..], out _));
        Assert.False(ScanToken.TryParse(null, out _));
        Assert.Throws<FormatException>(() => ScanToken.Parse(SessionToken.Empty.ToString()));
        Assert.Throws<ArgumentException>(() => ScanToken.Of("orders", Bytes("x"), Bytes("abc")));
        Assert.Throws<ArgumentException>(() => ScanToken.Of("orders", default, default));
    }

    // Another process each time: nothing but the token is known.
    private IMultiDcClient Client() => new MultiDcClient(world, new(world, time, NullLogger<RingCache>.Instance), router, new(), time, static () => 0.5);

    private static string[] Texts(ScanPage page) => [.. page.Entries.Select(static entry => Encoding.UTF8.GetString(entry.Key.Span))];

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
