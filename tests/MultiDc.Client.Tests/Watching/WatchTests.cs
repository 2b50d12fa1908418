using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Routing.Shards;
using static MultiDc.Client.Tests.FakeDatacenters;

namespace MultiDc.Client.Tests.Watching;

public sealed class WatchTests : IDisposable
{
    private static readonly RingSnapshot TheRing = RingSnapshot.Empty.WithKeyspace(new("one", 1, [A, B, C])).WithKeyspace(new("orders", 4, [A, B, C]));
    private readonly FakeDatacenters world = new() { Ring = static _ => Task.FromResult<RingSnapshot?>(TheRing) };
    private readonly FakeTimeProvider time = new();
    private readonly ShardRouter router;
    private readonly IMultiDcClient client;
    private readonly List<(DatacenterId At, WatchRequest Request)> asked = [];

    public WatchTests()
    {
        router = new(world, new(), time, static () => 0.5, NullLogger<ShardRouter>.Instance);
        client = new MultiDcClient(world, new(world, time, NullLogger<RingCache>.Instance), router, new(), time, static () => 0.5);
    }

    public void Dispose() => router.Dispose();

    [Fact]
    public async Task A_watch_from_now_begins_with_a_mark_and_waits_at_its_own_datacenter()
    {
        Answer((_, request) => request.After is null ? Progress(10) : request.After.Value.Value < 12 ? Told(12, 12) : null);
        await using var batches = Watch();
        var mark = await Next(batches);
        Assert.True(mark.IsProgress);
        Assert.Equal(WatchToken.OfShard("one", 1, 0, new(10)), mark.Token);
        var batch = await Next(batches);
        Assert.Equal(("k12", 12UL, WatchToken.OfShard("one", 1, 0, new(12))), (batch.Events.Single().KeyText(), batch.Revision.Value, batch.Token));
        await Until(() => asked.Count == 3);
        Assert.Equal([(A, null, TimeSpan.Zero), (A, 10UL, TimeSpan.FromSeconds(4)), (A, 12UL, TimeSpan.FromSeconds(4))], asked.Select(static a => (a.At, a.Request.After?.Value, a.Request.Patience)));
    }

    [Fact]
    public async Task Where_one_replica_is_away_or_too_stale_another_goes_on_at_the_same_revision_and_the_own_one_later()
    {
        var isStale = false;
        Answer((at, request) => at == A && isStale ? Refused(RejectionReason.TooStale) : at == B ? throw new TimeoutException("gone") : Told((int)request.After!.Value.Value + 1, (int)request.After.Value.Value + 1));
        await using var batches = Watch(WatchStart.After(new Revision(5)));
        for (var revision = 6UL; revision < 40; revision++)
        {
            Assert.Equal(revision, (await Next(batches)).Revision.Value);
            isStale = revision is > 10 and < 20;
            time.Advance(TimeSpan.FromSeconds(revision == 30 ? 11 : 0));
        }

        // Nothing was asked twice or left out, whoever was asked; and the first request to each was without patience. The watch goes on asking meanwhile.
        var all = asked.ToArray();
        Assert.Equal(all.Select(static a => a.Request.After!.Value.Value).Order(), all.Select(static a => a.Request.After!.Value.Value));
        Assert.Contains(all, static a => a.At == C);
        Assert.Equal(A, all[^1].At);
        Assert.All(all.Where((a, i) => i == 0 || all[i - 1].At != a.At), static a => Assert.Equal(TimeSpan.Zero, a.Request.Patience));
    }

    [Fact]
    public async Task A_watch_ends_as_compacted_when_no_replica_remembers_and_not_before()
    {
        Answer((at, request) => at == C && request.After!.Value.Value == 5 ? Told(6, 8) : new([], request.After!.Value, new(at == A ? 50UL : at == B ? 40UL : 60UL), null));
        await using var batches = Watch(WatchStart.After(new Revision(5)));
        Assert.Equal(6UL, (await Next(batches)).Revision.Value);
        var end = await Assert.ThrowsAsync<WatchCompactedException>(() => Next(batches));
        Assert.Equal((8UL, 40UL, new ShardId("one", 0)), (end.Asked.Value, end.Oldest.Value, end.Shard));
        Assert.Equal([A, B, C, C, A, B], asked.Select(static a => a.At));
    }

    [Fact]
    public async Task Replicas_that_do_not_answer_are_waited_for_when_the_others_have_forgotten_but_not_for_ever()
    {
        Answer((at, request) => at == A ? new([], request.After!.Value, new(50), null) : Refused(RejectionReason.NotReady));
        await using var batches = Watch(WatchStart.After(new Revision(5)));
        var (end, took) = await time.DriveAsync(Assert.ThrowsAsync<WatchCompactedException>(() => Next(batches)));
        Assert.Equal(50UL, end.Oldest.Value);
        Assert.True(took >= TimeSpan.FromSeconds(10), $"{took}");
        Assert.Single(asked, static a => a.At == A);
    }

    [Fact]
    public async Task Out_of_reach_a_watch_waits_for_ever_or_as_long_as_it_was_told()
    {
        Answer(static (_, _) => Refused(RejectionReason.NotReady));
        await using var impatient = Watch(WatchStart.After(new Revision(5)), TimeSpan.FromSeconds(3));
        var (end, took) = await time.DriveAsync(Assert.ThrowsAsync<MultiDcUnavailableException>(() => Next(impatient)));
        Assert.Equal(RejectionReason.Unavailable, end.Reason);
        Assert.True(took >= TimeSpan.FromSeconds(3), $"{took}");

        await using var patient = Watch(WatchStart.After(new Revision(5)));
        var waiting = patient.MoveNextAsync().AsTask();
        for (var i = 0; i < 200; i++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        Assert.False(waiting.IsCompleted);
        Answer(static (_, _) => Told(6, 6));
        Assert.True((await time.DriveAsync(waiting)).Result);
    }

    [Fact]
    public async Task A_slow_consumer_is_asked_for_no_more_than_the_page_it_has_and_one()
    {
        Answer((_, request) => Told((int)request.After!.Value.Value + 1, (int)request.After.Value.Value + 1));
        await using var batches = Watch(WatchStart.After(new Revision(5)));
        await Next(batches);
        await Until(() => asked.Count == 2);
        for (var i = 0; i < 100; i++)
        {
            await Task.Yield();
        }

        Assert.Equal(2, asked.Count);
    }

    [Fact]
    public async Task The_shards_of_a_prefix_come_each_in_order_and_a_token_resumes_all_of_them()
    {
        var calls = 0;
        world.Watch = (shard, _, request) =>
        {
            lock (asked)
            {
                var after = request.After ?? new(100);
                return ++calls > 1000 ? Never<WatchReply>() : Task.FromResult(request.After is null ? Progress(100) : Told((int)after.Value + 1, (int)after.Value + 3, 2));
            }
        };
        var seen = new List<(int Shard, ulong Revision, string Events)>();
        var token = default(WatchToken);
        for (var round = 0; round < 3; round++)
        {
            await using var batches = client.WatchPrefixAsync("orders", "", token is null ? default : WatchStart.After(WatchToken.Parse(token.ToString()))).GetAsyncEnumerator();
            for (var i = 0; i < 40; i++)
            {
                var batch = await Next(batches);
                token = batch.Token;
                if (!batch.IsProgress)
                {
                    seen.Add((batch.Shard.Number, batch.Revision.Value, string.Join(",", batch.Events.Select(static e => e.KeyText()))));
                }
            }
        }

        Assert.Equal(4, seen.DistinctBy(static s => s.Shard).Count());
        Assert.All(seen, static s => Assert.Equal($"k{s.Revision},k{s.Revision}", s.Events));
        foreach (var shard in seen.GroupBy(static s => s.Shard))
        {
            // Pages of two events in one revision, and three revisions further each.
            Assert.Equal(Enumerable.Range(0, shard.Count()).Select(static i => 101UL + (ulong)(3 * i)).Take(1), shard.Select(static s => s.Revision).Take(1));
            Assert.Equal(shard.Select(static s => s.Revision).Order().Distinct(), shard.Select(static s => s.Revision));
        }

        Assert.True(token!.IsOfAllShards);
    }

    [Fact]
    public async Task A_prefix_with_a_whole_tag_is_of_one_shard_and_others_are_of_all()
    {
        var shards = new HashSet<ShardId>();
        world.Watch = (shard, _, request) =>
        {
            lock (asked)
            {
                shards.Add(shard);
            }

            return request.After is { Value: > 7 } ? Never<WatchReply>() : Task.FromResult(request.After is null ? Progress(7) : Told(8, 8));
        };
        var own = RingSnapshot.ShardOf(TheRing.Keyspaces.Single(static k => k.Name == "orders"), "{t}"u8);
        foreach (var prefix in (string[])["{t}", "a/{t}/b"])
        {
            var tagged = await Next(client.WatchPrefixAsync("orders", prefix).GetAsyncEnumerator());
            Assert.Equal(WatchToken.OfShard("orders", 4, own.Number, new(7)), tagged.Token);
            Assert.Equal([own], shards);
        }

        // From a revision, too; and a token of all shards goes on with all of them.
        Assert.Equal(new Revision(8), (await Next(client.WatchPrefixAsync("orders", "{t}", WatchStart.After(new Revision(7))).GetAsyncEnumerator())).Revision);
        Assert.Equal([own], shards);
        await Next(client.WatchPrefixAsync("orders", "{t}", WatchStart.After(WatchToken.OfAllShards("orders", [new(7), new(7), new(7), new(7)]))).GetAsyncEnumerator());
        await Until(() => Asked() == 4);
        foreach (var prefix in (string[])["", "{t", "{}", "t}"])
        {
            lock (asked)
            {
                shards.Clear();
            }

            await Next(client.WatchPrefixAsync("orders", prefix).GetAsyncEnumerator());
            await Until(() => Asked() == 4);
        }

        int Asked()
        {
            lock (asked)
            {
                return shards.Count;
            }
        }
    }

    [Fact]
    public async Task A_token_of_something_else_is_refused()
    {
        foreach (var (start, sentence) in new[]
        {
            (WatchStart.After(WatchToken.OfShard("orders", 4, 0, new(1))), "of keyspace 'orders'"),
            (WatchStart.After(WatchToken.OfAllShards("one", [new(1), new(2)])), "with 2 shards"),
        })
        {
            var refusal = await Assert.ThrowsAsync<MultiDcUnavailableException>(() => Next(Watch(start)));
            Assert.Equal(RejectionReason.InvalidArgument, refusal.Reason);
            Assert.Contains(sentence, refusal.Message, StringComparison.Ordinal);
        }

        var other = await Assert.ThrowsAsync<MultiDcUnavailableException>(() => Next(client.WatchPrefixAsync("orders", "", WatchStart.After(WatchToken.OfShard("orders", 4, 0, new(1)))).GetAsyncEnumerator()));
        Assert.Contains("of other shards", other.Message, StringComparison.Ordinal);
        Assert.Equal(RejectionReason.UnknownKeyspace, (await Assert.ThrowsAsync<MultiDcUnavailableException>(() => Next(client.WatchKeyAsync("none", "k").GetAsyncEnumerator()))).Reason);
        Assert.Equal(RejectionReason.InvalidArgument, (await Assert.ThrowsAsync<MultiDcUnavailableException>(() => Next(client.WatchKeyAsync("one", "").GetAsyncEnumerator()))).Reason);
        Answer(static (_, _) => Refused(RejectionReason.InvalidArgument));
        Assert.Equal(RejectionReason.InvalidArgument, (await Assert.ThrowsAsync<MultiDcUnavailableException>(() => Next(Watch()))).Reason);
    }

    [Fact]
    public async Task A_mark_comes_now_and_then_where_nothing_matches()
    {
        var asked = Channel.CreateUnbounded<TaskCompletionSource<WatchReply>>();
        world.Watch = (_, _, _) =>
        {
            var answer = new TaskCompletionSource<WatchReply>(TaskCreationOptions.RunContinuationsAsynchronously);
            asked.Writer.TryWrite(answer);
            return answer.Task;
        };
        await using var batches = Watch();
        var first = batches.MoveNextAsync().AsTask();
        (await Asked()).SetResult(Progress(10));
        Assert.True(await first.WaitAsync(TimeSpan.FromMinutes(1)));
        Assert.Equal(10UL, batches.Current.Revision.Value);

        // Whoever asks for what comes next has passed over the answer before.
        var mark = batches.MoveNextAsync().AsTask();
        (await Asked()).SetResult(Progress(11));
        var next = await Asked();
        Assert.False(mark.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));
        next.SetResult(Progress(12));
        Assert.True(await mark.WaitAsync(TimeSpan.FromMinutes(1)));
        Assert.Equal((true, 12UL), (batches.Current.IsProgress, batches.Current.Token.RevisionOf(0)!.Value.Value));

        async Task<TaskCompletionSource<WatchReply>> Asked() => await asked.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task Cancelling_ends_it()
    {
        Answer(static (_, request) => request.After is null ? Progress(1) : null);
        using var cancel = new CancellationTokenSource();
        await using var batches = client.WatchKeyAsync("one", "k", cancellationToken: cancel.Token).GetAsyncEnumerator();
        await Next(batches);
        var next = batches.MoveNextAsync().AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
    }

    [Fact]
    public void Settings_are_checked()
    {
        Assert.Empty(new WatchSettings().Problems());
        Assert.Equal(3, new WatchSettings { PollTime = TimeSpan.FromSeconds(21), MaxStaleness = default, ReturnPeriod = TimeSpan.FromMilliseconds(99) }.Problems().Count());
        Assert.Single(new WatchSettings { PollTime = TimeSpan.FromMilliseconds(99) }.Problems());
    }

    private IAsyncEnumerator<WatchBatch> Watch(WatchStart start = default, TimeSpan? timeout = null) => client.WatchKeyAsync("one", "k", start, timeout).GetAsyncEnumerator();

    private static async Task<WatchBatch> Next(IAsyncEnumerator<WatchBatch> batches)
    {
        Assert.True(await batches.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromMinutes(1)));
        return batches.Current;
    }

    private static async Task Until(Func<bool> holds)
    {
        for (var i = 0; !holds(); i++)
        {
            Assert.True(i < 60_000, "it does not come");
            await Task.Delay(1);
        }
    }

    // Null: no answer.
    private void Answer(Func<DatacenterId, WatchRequest, WatchReply?> answer) => world.Watch = (_, at, request) =>
    {
        asked.Add((at, request));

        // A watch that asks without end would never come back to the test.
        return asked.Count < 1000 && answer(at, request) is { } reply ? Task.FromResult(reply) : Never<WatchReply>();
    };

    private static WatchReply Progress(ulong upTo) => new([], new(upTo), null, null);

    private static WatchReply Refused(RejectionReason reason) => new([], default, null, new(reason, "no"));

    private static WatchReply Told(int revision, int upTo, int events = 1) => new(
        [new(new((ulong)revision), [.. Enumerable.Range(0, events).Select(_ => new WatchEvent(Key(revision), new(Key(revision), "v"u8.ToArray(), new(1), new((ulong)revision), 1), null))])], new((ulong)upTo), null, null);

    private static byte[] Key(int revision) => System.Text.Encoding.UTF8.GetBytes($"k{revision}");
}
