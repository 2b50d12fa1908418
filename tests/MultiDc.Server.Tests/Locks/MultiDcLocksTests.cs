using Microsoft.Extensions.Time.Testing;
using MultiDc.Client;
using MultiDc.Client.Locks;
using MultiDc.Grains;
using MultiDc.Raft;
using Xunit.Abstractions;

namespace MultiDc.Server.Tests.Locks;

public sealed class MultiDcLocksTests : IDisposable
{
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(9);

    private readonly ITestOutputHelper output;
    private readonly FakeTimeProvider time = new();
    private readonly MachineShard shard;
    private readonly MachineClient clientA;
    private readonly MachineClient clientB;
    private readonly MultiDcLocks a;
    private readonly MultiDcLocks b;

    public MultiDcLocksTests(ITestOutputHelper output)
    {
        this.output = output;
        shard = new(time);
        (clientA, clientB) = (new(shard), new(shard));
        (a, b) = (new(clientA, time, static () => 0.5), new(clientB, time, static () => 0.5));
    }

    public void Dispose()
    {
        a.Dispose();
        b.Dispose();
    }

    [Theory]
    [InlineData("order-42", "multidc.lock/{order-42}")]
    [InlineData("{order-42}/ship", "multidc.lock/{order-42}/ship")]
    [InlineData("{}", "multidc.lock/{{}}")]
    public void A_lock_lies_where_what_it_protects_lies(string name, string key) => Assert.Equal(key, MultiDcLocks.KeyOf(name));

    [Fact]
    public async Task One_holds_it_and_the_next_has_a_greater_token()
    {
        var first = await a.AcquireAsync("default", "l", Ttl, "first");
        Assert.Equal(("first", first.Token), (await b.GetHolderAsync("default", "l")) is { } holder ? (holder.Holder, holder.Token) : default);
        Assert.Null(await b.TryAcquireAsync("default", "l", Ttl, TimeSpan.Zero));
        var waiting = b.AcquireAsync("default", "l", Ttl);
        await PassAsync(TimeSpan.FromSeconds(30));
        Assert.False(waiting.IsCompleted);
        Assert.False(first.Lost.IsCancellationRequested);

        Assert.IsType<Applied>(await first.ReleaseAsync());
        Assert.True(first.Lost.IsCancellationRequested);
        var second = await DriveAsync(waiting);
        Assert.True(second.Token.Value > first.Token.Value);
        Assert.Equal(RejectionReason.FencingTokenStale, ReasonOf(await clientA.PutAsync("default", "{l}/k", "late", first.Guard)));
        Assert.IsType<Applied>(await clientB.PutAsync("default", "{l}/k", "in time", second.Guard));
        Assert.False(Assert.IsType<AppliedBatch>(await clientA.BatchAsync("default", [first.StillHeld], null)).Succeeded);
        Assert.True(Assert.IsType<AppliedBatch>(await clientA.BatchAsync("default", [second.StillHeld], null)).Succeeded);
        await second.DisposeAsync();
        Assert.Null(await b.GetHolderAsync("default", "l"));
    }

    [Fact]
    public async Task Who_is_cut_off_knows_before_another_holds_it_and_its_late_writes_are_refused()
    {
        var first = await a.AcquireAsync("default", "l", Ttl);
        var waiting = b.AcquireAsync("default", "l", Ttl);
        await PassAsync(TimeSpan.FromSeconds(20));
        Assert.False(first.Lost.IsCancellationRequested);
        clientA.Fate = static _ => WriteFate.RequestLost;
        for (var i = 0; i < 200 && !waiting.IsCompleted; i++)
        {
            await PassAsync(TimeSpan.FromMilliseconds(50));
            Assert.True(first.Lost.IsCancellationRequested || !waiting.IsCompleted, "two hold it and the first does not know");
        }

        var second = await waiting;
        clientA.Fate = static _ => WriteFate.Answered;
        Assert.Equal(RejectionReason.FencingTokenStale, ReasonOf(await clientA.PutAsync("default", "{l}/k", "late", first.Guard)));
        Assert.Equal(RejectionReason.LeaseNotFound, ReasonOf(await first.ReleaseAsync()));
        Assert.Equal(second.Token, (await b.GetHolderAsync("default", "l"))!.Token);
    }

    [Fact]
    public async Task A_lock_whose_lease_was_ended_is_lost_with_the_next_renewal()
    {
        var held = await a.AcquireAsync("default", "l", Ttl);
        var lease = shard.Read(Bytes(MultiDcLocks.KeyOf("l")))!.Lease;
        shard.Write(new RevokeLeaseOperation(Bytes("k"), lease));
        await PassAsync(Ttl / 2);
        Assert.True(held.Lost.IsCancellationRequested);
    }

    [Fact]
    public async Task An_answer_that_was_lost_leaves_no_lock_that_nobody_holds()
    {
        var lost = 0;
        clientA.Fate = operation => operation is BatchOperation && lost++ < 2 ? WriteFate.AnswerLost : WriteFate.Answered;
        var held = await DriveAsync(a.AcquireAsync("default", "l", Ttl));
        Assert.Equal(3, lost);
        Assert.Equal(held.Token, shard.Read(Bytes(MultiDcLocks.KeyOf("l")))!.CreateRevision);

        // Given up with an open outcome: the lease goes, and the lock with it.
        clientB.Fate = static operation => operation is BatchOperation ? WriteFate.AnswerLost : WriteFate.Answered;
        using var stop = new CancellationTokenSource();
        var given = b.AcquireAsync("default", "other", Ttl, null, stop.Token);
        await PassAsync(TimeSpan.FromMilliseconds(30));
        Assert.NotNull(shard.Read(Bytes(MultiDcLocks.KeyOf("other"))));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        Assert.Null(shard.Read(Bytes(MultiDcLocks.KeyOf("other"))));
    }

    /// <summary>Its lease would end with nobody renewing it, and the lock with it, while another lease is kept alive for nothing.</summary>
    [Fact]
    public async Task An_attempt_that_arrives_late_with_an_abandoned_lease_is_not_taken_for_the_lock()
    {
        var key = Bytes(MultiDcLocks.KeyOf("l"));
        var (batches, revokes) = (0, 0);
        WriteOperation? late = null;
        clientA.Fate = operation =>
        {
            switch (operation)
            {
                case BatchOperation when ++batches == 1:
                    late = operation;
                    return WriteFate.RequestLost;
                case BatchOperation when batches == 2:
                    shard.Write(new PutOperation(key, Bytes("another")));
                    break;
                case RevokeLeaseOperation when ++revokes == 1:
                    return WriteFate.RequestLost;
            }

            return WriteFate.Answered;
        };
        var acquiring = a.AcquireAsync("default", "l", Ttl);
        await PassAsync(Ttl / 2);
        Assert.Equal(2, batches);
        shard.Write(new DeleteOperation(key));
        shard.Write(late!);
        var held = await DriveAsync(acquiring);
        Assert.Equal(2, revokes);
        await PassAsync(10 * Ttl);
        Assert.False(held.Lost.IsCancellationRequested);
        Assert.Equal(held.Token, shard.Read(key)?.CreateRevision);
    }

    /// <summary>Who waits costs the shard a read every few seconds, and has the lock at once when it is released, or soon after when no watch tells.</summary>
    [Theory]
    [InlineData(true, 100, 60)]
    [InlineData(false, 800, 300)]
    public async Task Who_waits_hears_of_the_release(bool isWatchServed, int milliseconds, int mostReads)
    {
        clientB.WatchProblem = isWatchServed ? null : new MultiDcUnavailableException(RejectionReason.Unavailable, "no watch");
        var first = await a.AcquireAsync("default", "l", Ttl);
        var waiting = b.AcquireAsync("default", "l", Ttl);
        await PassAsync(TimeSpan.FromMinutes(2));
        var written = shard.Done.Count(static operation => operation is not KeepAliveOperation);
        Assert.InRange(clientB.Reads, 1, mostReads);
        await first.ReleaseAsync();
        await PassAsync(TimeSpan.FromMilliseconds(milliseconds));
        Assert.True(waiting.IsCompleted);
        Assert.Equal(written + 3, shard.Done.Count(static operation => operation is not KeepAliveOperation));

        // One whose holder is gone is had when its lease ends.
        a.Dispose();
        var next = a.AcquireAsync("default", "l", Ttl);
        b.Dispose();
        await PassAsync(Ttl);
        await PassAsync(TimeSpan.FromMilliseconds(100));
        Assert.True(next.IsCompleted);
    }

    [Fact]
    public async Task Many_who_wait_write_hardly_more_than_those_who_get_it()
    {
        var random = new SeededRandomSource(4);
        using var crowd = new MultiDcLocks(clientB, time, () => random.Next(0, 1000) / 1000.0);
        var held = await a.AcquireAsync("default", "l", Ttl);
        var waiting = Enumerable.Range(0, 40).Select(_ => crowd.AcquireAsync("default", "l", Ttl)).ToList();
        await PassAsync(TimeSpan.FromSeconds(1));
        while (waiting.Count > 0)
        {
            var written = shard.Done.Count(static operation => operation is not KeepAliveOperation);
            await held.DisposeAsync();
            held = await DriveAsync(await DriveAsync(Task.WhenAny(waiting)));
            Assert.Equal(1, waiting.RemoveAll(static task => task.IsCompleted));

            // The release, a try, and a lease unless an earlier try has left one; and those who looked before it was taken.
            Assert.InRange(shard.Done.Count(static operation => operation is not KeepAliveOperation) - written, 2, 12);
        }
    }

    [Fact]
    public async Task A_hundred_locks_are_kept_alive_by_one_call()
    {
        var held = new List<DistributedLock>();
        for (var i = 0; i < 100; i++)
        {
            held.Add(await a.AcquireAsync("default", $"l{i}", Ttl));
        }

        await PassAsync(TimeSpan.FromMinutes(1));
        var calls = shard.Done.OfType<KeepAliveOperation>().ToArray();
        Assert.InRange(calls.Length, 18, 21);
        Assert.All(calls, static call => Assert.Equal(100, call.Leases.Length));
        Assert.All(held, static one => Assert.False(one.Lost.IsCancellationRequested));

        await Task.WhenAll(held.Select(static one => one.ReleaseAsync()));
        var before = shard.Done.Count;
        await PassAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(before, shard.Done.Count);
    }

    [Fact]
    public async Task What_is_refused_every_time_is_not_waited_for()
    {
        Assert.Equal(RejectionReason.InvalidArgument, (await Assert.ThrowsAsync<MultiDcUnavailableException>(() => a.AcquireAsync("default", "l", TimeSpan.FromMilliseconds(1)))).Reason);
        Assert.Equal(RejectionReason.InvalidArgument, (await Assert.ThrowsAsync<MultiDcUnavailableException>(() => a.AcquireAsync("default", new string('l', 129), Ttl))).Reason);
        clientA.Fate = static _ => WriteFate.RequestLost;
        Assert.Equal(RejectionReason.Unavailable, (await Assert.ThrowsAsync<MultiDcUnavailableException>(() => a.TryAcquireAsync("default", "l", Ttl, TimeSpan.Zero))).Reason);
    }

    /// <summary>Two clients whose connections come and go: a write that is sent while <see cref="DistributedLock.Lost"/> says held is never refused, and no two hold it at once.</summary>
    [Fact]
    public async Task No_two_hold_it_at_once_whatever_is_lost()
    {
        var random = new SeededRandomSource(9);
        var isAway = new bool[2];
        clientA.Fate = _ => isAway[0] ? WriteFate.RequestLost : random.Next(0, 5) == 0 ? WriteFate.AnswerLost : WriteFate.Answered;
        clientB.Fate = _ => isAway[1] ? WriteFate.RequestLost : random.Next(0, 5) == 0 ? WriteFate.AnswerLost : WriteFate.Answered;

        var (acquired, holding, lost) = (0, new DistributedLock?[2], 0);
        var waiting = new Task<DistributedLock>?[2];
        for (var step = 0; step < 12_000; step++)
        {
            for (var i = 0; i < 2; i++)
            {
                isAway[i] ^= random.Next(0, 250) == 0;
                if (holding[i] is { } held)
                {
                    if (held.Lost.IsCancellationRequested || random.Next(0, 400) == 0)
                    {
                        lost += held.Lost.IsCancellationRequested ? 1 : 0;
                        await held.ReleaseAsync();
                        holding[i] = null;
                    }
                    else
                    {
                        Assert.IsType<AppliedNumber>(shard.Write(new AppendOperation(Bytes("{l}/data"), Bytes($"{held.Token};")) { Guard = held.Guard }));
                    }
                }
                else
                {
                    waiting[i] ??= (i == 0 ? a : b).AcquireAsync("default", "l", Ttl);
                    if (waiting[i]!.IsCompleted)
                    {
                        acquired++;
                        holding[i] = await waiting[i]!;
                        waiting[i] = null;
                    }
                }
            }

            Assert.False(holding.All(static held => held is { Lost.IsCancellationRequested: false }), "two hold it");
            await PassAsync(TimeSpan.FromMilliseconds(50));
        }

        output.WriteLine($"acquired {acquired} times, lost {lost} times");
        Assert.True(acquired > 15 && lost > 2, $"acquired {acquired} times, lost {lost} times");
    }

    private async Task PassAsync(TimeSpan span)
    {
        for (var passed = TimeSpan.Zero; passed < span; passed += TimeSpan.FromMilliseconds(50))
        {
            Advance();

            // What was woken but not run inside Advance runs on the pool.
            for (var i = 0; i < 20; i++)
            {
                await Task.Yield();
            }

            shard.Tick();
        }
    }

    // Without the test runner's context the code that waits for the clock runs on inside Advance, and the clock cannot run away from it.
    private void Advance()
    {
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            time.Advance(TimeSpan.FromMilliseconds(50));
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    private async Task<T> DriveAsync<T>(Task<T> task)
    {
        for (var i = 0; i < 1000 && !task.IsCompleted; i++)
        {
            await PassAsync(TimeSpan.FromMilliseconds(50));
        }

        Assert.True(task.IsCompleted, "it does not come");
        return await task;
    }

    private static RejectionReason ReasonOf(WriteResult result) => Assert.IsType<Rejected>(result).Reason;

    private static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);
}
