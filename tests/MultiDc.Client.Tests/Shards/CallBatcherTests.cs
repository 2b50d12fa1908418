using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Grains;
using MultiDc.Routing.Shards;

namespace MultiDc.Client.Tests.Shards;

/// <summary>Alone, because it keeps all processors busy, and tests that drive a clock let it run only as far as others keep up.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    public const string Name = "alone";
}

/// <summary>Which requests travel together, and that each gets its own reply. A request is its number, and carries as many bytes as a test gives it.</summary>
[Collection(Alone.Name)]
public sealed class CallBatcherTests : IDisposable
{
    private readonly FakeTimeProvider time = new();
    private readonly Calls calls = new();
    private readonly CancellationTokenSource lost = new();
    private readonly CallBatcher<Request, string> batcher;

    public CallBatcherTests() => batcher = new(calls.OneAsync, calls.ManyAsync, static request => request.Bytes, time);

    public void Dispose() => lost.Dispose();

    [Fact]
    public async Task When_the_way_is_lost_all_that_travel_on_it_end_though_nobody_answers()
    {
        var alone = Ask(0);
        await NextAsync();
        var together = new[] { Ask(1), Ask(2) };
        time.Advance(TimeSpan.FromMilliseconds(1));
        await NextAsync();
        await lost.CancelAsync();
        foreach (var one in together.Append(alone))
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one);
        }

        // Others, on another way, do not wait for them.
        var next = batcher.AskAsync(null!, new(3, 1), TimeSpan.FromMinutes(1), default);
        (await NextAsync()).Answer();
        Assert.Equal("reply 3", await next);
    }

    [Fact]
    public async Task Whoever_finds_none_under_way_is_sent_at_once_and_alone()
    {
        for (var i = 0; i < 3; i++)
        {
            var reply = Ask(i);
            Assert.True(calls.Sent.Reader.TryRead(out var call), "it was sent on the caller's own thread");
            Assert.False(call.IsMany);
            call.Answer();
            Assert.Equal($"reply {i}", await reply);
        }
    }

    [Fact]
    public async Task Those_that_come_meanwhile_travel_together_when_it_is_answered()
    {
        var first = Ask(0);
        var call = await NextAsync();
        var others = Enumerable.Range(1, 5).Select(i => Ask(i)).ToArray();
        Assert.False(calls.Sent.Reader.TryRead(out _), "they wait");
        call.Answer();
        Assert.Equal("reply 0", await first);
        var together = await NextAsync();
        Assert.Equal([1, 2, 3, 4, 5], together.Numbers);
        together.Answer();
        Assert.Equal(["reply 1", "reply 2", "reply 3", "reply 4", "reply 5"], await Task.WhenAll(others));
    }

    [Fact]
    public async Task Nobody_waits_long_for_a_call_that_is_not_answered()
    {
        _ = Ask(0);
        await NextAsync();
        _ = Ask(1);
        _ = Ask(2);
        time.Advance(TimeSpan.FromMilliseconds(0.9));
        Assert.False(calls.Sent.Reader.TryRead(out _));
        time.Advance(TimeSpan.FromMilliseconds(0.1));
        var held = await NextAsync();
        Assert.Equal([1, 2], held.Numbers);
    }

    [Fact]
    public async Task What_fails_a_call_fails_those_that_travelled_in_it_and_no_others()
    {
        _ = Ask(0);
        var first = await NextAsync();
        var lost = new[] { Ask(1), Ask(2) };
        first.Answer();
        var call = await NextAsync();
        var later = Ask(3);
        call.Fail(new TimeoutException("lost"));
        foreach (var one in lost)
        {
            Assert.Equal("lost", (await Assert.ThrowsAsync<TimeoutException>(() => one)).Message);
        }

        (await NextAsync()).Answer();
        Assert.Equal("reply 3", await later);
    }

    [Fact]
    public async Task What_was_not_answered_is_asked_again_and_first()
    {
        _ = Ask(0);
        var first = await NextAsync();
        var replies = Enumerable.Range(1, 4).Select(i => Ask(i)).ToArray();
        first.Answer();
        var call = await NextAsync();
        replies = [.. replies, Ask(5)];
        call.Answer(count: 2);
        var again = await NextAsync();
        Assert.Equal([3, 4], again.Numbers);
        again.Answer();
        again = await NextAsync();
        Assert.Equal([5], again.Numbers);
        again.Answer();
        Assert.Equal(["reply 1", "reply 2", "reply 3", "reply 4", "reply 5"], await Task.WhenAll(replies));
    }

    [Fact]
    public async Task Where_replies_are_cut_short_the_others_are_asked_for_side_by_side()
    {
        _ = Ask(0);
        var first = await NextAsync();
        var replies = Enumerable.Range(1, 12).Select(i => Ask(i)).ToArray();
        first.Answer();
        var all = await NextAsync();
        Assert.Equal(12, all.Numbers.Length);
        all.Answer(count: 3);

        // Not one is answered yet, and all are on their way: side by side, so that any of them may be seen first.
        var calls = new[] { await NextAsync(), await NextAsync(), await NextAsync() };
        Assert.Equal([4, 5, 6, 7, 8, 9, 10, 11, 12], calls.OrderBy(static call => call.Numbers[0]).SelectMany(static call => call.Numbers));
        Assert.All(calls, static call => Assert.Equal(3, call.Numbers.Length));
        Array.ForEach(calls, static call => call.Answer());
        Assert.Equal(Enumerable.Range(1, 12).Select(static i => $"reply {i}"), await Task.WhenAll(replies));

        // Once all of them have room again, there are more in a call: at once, unless who sends them had not come to it when its callers had their replies.
        var most = 0;
        for (var round = 1; most <= 3; round++)
        {
            Assert.InRange(round, 1, 100);
            _ = Ask(0);
            var next = await NextAsync();
            var more = Enumerable.Range(1, 20).Select(i => Ask(i)).ToArray();
            next.Answer();
            for (var asked = 0; asked < more.Length; asked += next.Numbers.Length)
            {
                next = await NextAsync();
                most = Math.Max(most, next.Numbers.Length);
                next.Answer();
            }

            await Task.WhenAll(more);
        }
    }

    [Fact]
    public async Task What_its_caller_has_given_up_is_not_sent_any_more()
    {
        _ = Ask(0);
        var first = await NextAsync();
        var late = Ask(1, patience: TimeSpan.FromSeconds(1));
        var patient = Ask(2);
        first.Answer(count: 1);
        var call = await NextAsync();
        Assert.Equal([1, 2], call.Numbers);
        var waiting = Ask(3, patience: TimeSpan.FromMilliseconds(0.5));
        time.Advance(TimeSpan.FromSeconds(2));
        await Assert.ThrowsAsync<TimeoutException>(() => waiting);
        call.Answer();
        Assert.Equal(("reply 1", "reply 2"), (await late, await patient));
        Assert.False(calls.Sent.Reader.TryRead(out _));
    }

    [Fact]
    public async Task No_reply_at_all_and_too_many_are_failures()
    {
        foreach (var count in new[] { 0, 3 })
        {
            _ = Ask(0);
            var first = await NextAsync();
            var both = new[] { Ask(1), Ask(2) };
            first.Answer();
            var call = await NextAsync();
            call.Answer(["one", "two", "three"], count);
            foreach (var one in both)
            {
                await Assert.ThrowsAsync<InvalidDataException>(() => one);
            }
        }
    }

    [Fact]
    public async Task A_call_carries_so_many_bytes_and_requests_and_no_more_but_one_always()
    {
        _ = Ask(0);
        var first = await NextAsync();
        _ = Ask(1, bytes: 10_000_000);
        _ = Ask(2, bytes: 300_000);
        _ = Ask(3, bytes: 200_000);
        _ = Ask(4, bytes: 300_000);
        for (var i = 5; i < 305; i++)
        {
            _ = Ask(i);
        }

        first.Answer();
        var sent = new List<int[]>();
        while (sent.Sum(static numbers => numbers.Length) < 304)
        {
            var call = await NextAsync();
            sent.Add(call.Numbers);
            call.Answer();
        }

        // Those that wait for no others leave side by side, so that any of them may be seen first.
        sent.Sort(static (one, other) => one[0].CompareTo(other[0]));
        Assert.Equal([1], sent[0]);
        Assert.Equal([2, 3], sent[1]);
        Assert.Equal(4, sent[2][0]);
        Assert.Equal(256, sent[2].Length);
        Assert.Equal(Enumerable.Range(1, 304), sent.SelectMany(static numbers => numbers));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Whatever_is_lost_or_cut_short_everyone_is_answered_once_and_with_his_own_reply(ulong seed)
    {
        var random = new Raft.SeededRandomSource(seed);
        var access = new Lock();
        var asked = new Dictionary<int, int>();
        int Next(int below)
        {
            lock (access)
            {
                return random.Next(0, below);
            }
        }

        async Task<string[]> AnswerAsync(Request[] requests)
        {
            lock (access)
            {
                foreach (var request in requests)
                {
                    asked[request.Number] = asked.GetValueOrDefault(request.Number) + 1;
                }
            }

            await Task.Yield();
            return Next(10) == 0 ? throw new TimeoutException() : [.. requests.Take(1 + Next(requests.Length)).Select(static request => $"reply {request.Number}")];
        }

        var real = new CallBatcher<Request, string>(
            async (_, request) => (await AnswerAsync([request]))[0], (_, requests) => AnswerAsync(requests), static request => request.Bytes, TimeProvider.System);
        var replied = 0;
        await Task.WhenAll(Enumerable.Range(0, 20).Select(client => Task.Run(async () =>
        {
            for (var i = 0; i < 100; i++)
            {
                var number = (client * 100) + i;
                try
                {
                    Assert.Equal($"reply {number}", await real.AskAsync(null!, new(number, 10 + Next(50_000)), TimeSpan.FromMinutes(1), default));
                    Interlocked.Increment(ref replied);
                }
                catch (TimeoutException)
                {
                    // Its call was lost.
                }
            }
        })));
        Assert.Equal(2000, asked.Count);
        Assert.InRange(replied, 1000, 1999);
    }

    private Task<string> Ask(int number, int bytes = 1, TimeSpan? patience = null) => batcher.AskAsync(null!, new(number, bytes), patience ?? TimeSpan.FromMinutes(1), lost.Token);

    private async Task<Call> NextAsync() => await calls.Sent.Reader.ReadAsync();

    private sealed record Request(int Number, int Bytes);

    /// <summary>Keeps the calls until a test answers them.</summary>
    private sealed class Calls
    {
        public Channel<Call> Sent { get; } = Channel.CreateUnbounded<Call>();

        public async Task<string> OneAsync(IReplicaGrain? replica, Request request) => (await SendAsync([request], isMany: false))[0];

        public Task<string[]> ManyAsync(IReplicaGrain? replica, Request[] requests) => SendAsync(requests, isMany: true);

        private Task<string[]> SendAsync(Request[] requests, bool isMany)
        {
            var call = new Call(requests, isMany);
            Sent.Writer.TryWrite(call);
            return call.Replies;
        }
    }

    private sealed class Call(Request[] requests, bool isMany)
    {
        private readonly TaskCompletionSource<string[]> replies = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsMany => isMany;

        public int[] Numbers => [.. requests.Select(static request => request.Number)];

        public Task<string[]> Replies => replies.Task;

        public void Answer(string[] all, int count) => replies.SetResult(all[..count]);

        public void Answer(int count = int.MaxValue) => replies.SetResult([.. requests.Take(count).Select(static request => $"reply {request.Number}")]);

        public void Fail(Exception exception) => replies.SetException(exception);
    }
}
