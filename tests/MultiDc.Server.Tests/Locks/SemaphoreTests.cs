using Microsoft.Extensions.Time.Testing;
using MultiDc.Client;
using MultiDc.Client.Locks;
using MultiDc.Grains;
using MultiDc.Raft;
using Xunit.Abstractions;

namespace MultiDc.Server.Tests.Locks;

public sealed class SemaphoreTests(ITestOutputHelper output)
{
    private const int Places = 3;
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(9);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(50);

    private readonly FakeTimeProvider time = new();

    /// <summary>A process: it can be paused, and then its clock and its timers stand still while the shard's go on.</summary>
    private sealed class Process(MachineShard shard, Func<double> jitter) : IDisposable
    {
        private TimeSpan behind;
        private MultiDcLocks? locks;

        public FakeTimeProvider Time { get; } = new();

        public MachineClient Client { get; } = new(shard);

        public MultiDcLocks Locks => locks ??= new(Client, Time, jitter);

        public bool IsPaused { get; set; }

        public DistributedLock? Held { get; set; }

        public Task<DistributedLock>? Waiting { get; set; }

        /// <summary>Whether its clock has not yet caught up with the others': it was paused, and knows nothing of it.</summary>
        public bool IsBehind => behind > TimeSpan.Zero;

        public bool Believes => Held is { Lost.IsCancellationRequested: false };

        public void Pass()
        {
            behind += Step;
            if (!IsPaused)
            {
                Advance(Time, behind);
                behind = default;
            }
        }

        public void Dispose() => locks?.Dispose();
    }

    [Fact]
    public async Task As_many_hold_it_as_there_are_places_and_the_next_has_a_greater_token_than_who_left()
    {
        var shard = new MachineShard(time);
        var client = new MachineClient(shard);
        using var locks = new MultiDcLocks(client, time, static () => 0.5);
        var held = new List<DistributedLock>();
        for (var i = 0; i < Places; i++)
        {
            held.Add(await locks.AcquireSemaphoreAsync("default", "s", Places, Ttl, $"holder {i}"));
        }

        Assert.Equal(Places, held.Select(static one => one.Guard.Name).Distinct().Count());
        Assert.Equal(["holder 0", "holder 1", "holder 2"], (await locks.GetSemaphoreHoldersAsync("default", "s")).Select(static one => one.Holder).Order());
        Assert.Null(await locks.TryAcquireSemaphoreAsync("default", "s", Places, Ttl, TimeSpan.Zero));
        var waiting = locks.AcquireSemaphoreAsync("default", "s", Places, Ttl, "next");
        await PassAsync(shard, TimeSpan.FromSeconds(30), []);
        Assert.False(waiting.IsCompleted);
        Assert.All(held, static one => Assert.False(one.Lost.IsCancellationRequested));

        await held[1].ReleaseAsync();
        await PassAsync(shard, TimeSpan.FromMilliseconds(200), []);
        Assert.True(waiting.IsCompleted);
        var next = await waiting;
        Assert.Equal(held[1].Guard.Name, next.Guard.Name);
        Assert.True(next.Token.Value > held.Max(static one => one.Token.Value));
        Assert.Equal(RejectionReason.FencingTokenStale, Assert.IsType<Rejected>(await client.PutAsync("default", "{s}/k", "late", held[1].Guard)).Reason);
        foreach (var one in (DistributedLock[])[held[0], held[2], next])
        {
            Assert.IsType<Applied>(await client.PutAsync("default", "{s}/k", "in time", one.Guard));
            Assert.True(Assert.IsType<AppliedBatch>(await client.BatchAsync("default", [one.StillHeld], null)).Succeeded);
        }

        Assert.False(Assert.IsType<AppliedBatch>(await client.BatchAsync("default", [held[1].StillHeld], null)).Succeeded);
    }

    [Fact]
    public async Task All_agree_on_the_number_of_places()
    {
        var shard = new MachineShard(time);
        using var locks = new MultiDcLocks(new MachineClient(shard), time, static () => 0.5);
        Assert.Empty(await locks.GetSemaphoreHoldersAsync("default", "s"));
        var first = await locks.AcquireSemaphoreAsync("default", "s", 1, Ttl);
        foreach (var places in (int[])[2, MultiDcLocks.MaxPlaces])
        {
            var refusal = await Assert.ThrowsAsync<MultiDcUnavailableException>(() => locks.AcquireSemaphoreAsync("default", "s", places, Ttl));
            Assert.Equal(RejectionReason.InvalidArgument, refusal.Reason);
            Assert.Contains($"1 places, and not {places}", refusal.Message, StringComparison.Ordinal);
        }

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => locks.AcquireSemaphoreAsync("default", "s", 0, Ttl));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => locks.AcquireSemaphoreAsync("default", "s", MultiDcLocks.MaxPlaces + 1, Ttl));
        await Assert.ThrowsAsync<ArgumentException>(() => locks.AcquireSemaphoreAsync("default", "s", 1, Ttl, new string('h', MultiDcLocks.MaxHolderBytes + 1)));
        await first.ReleaseAsync();

        // The most, with the longest names: it tells of all in one answer.
        var name = new string('n', 100);
        for (var i = 0; i < MultiDcLocks.MaxPlaces; i++)
        {
            await locks.AcquireSemaphoreAsync("default", name, MultiDcLocks.MaxPlaces, Ttl, new string('h', MultiDcLocks.MaxHolderBytes));
        }

        Assert.Null(await locks.TryAcquireSemaphoreAsync("default", name, MultiDcLocks.MaxPlaces, Ttl, TimeSpan.Zero));
        Assert.Equal(MultiDcLocks.MaxPlaces, (await locks.GetSemaphoreHoldersAsync("default", name)).Count);
    }

    /// <summary>It was changed between the look and the try: the batch itself finds out.</summary>
    [Fact]
    public async Task A_number_of_places_that_is_changed_meanwhile_is_noticed_by_the_shard()
    {
        var shard = new MachineShard(time);
        var client = new MachineClient(shard);
        using var locks = new MultiDcLocks(client, time, static () => 0.5);
        client.Fate = operation =>
        {
            if (operation is GrantLeaseOperation)
            {
                shard.Write(new PutOperation(Bytes(MultiDcLocks.SemaphoreKeyOf("s")), Bytes("1")));
            }

            return WriteFate.Answered;
        };
        Assert.Equal(RejectionReason.InvalidArgument, (await Assert.ThrowsAsync<MultiDcUnavailableException>(async () =>
        {
            var acquiring = locks.AcquireSemaphoreAsync("default", "s", 2, Ttl);
            await PassAsync(shard, TimeSpan.FromSeconds(20), []);
            await acquiring;
        })).Reason);
        Assert.Empty(await locks.GetSemaphoreHoldersAsync("default", "s"));
    }

    /// <summary>It would be bound to a lease that is renewed for as long as the other place is held.</summary>
    [Fact]
    public async Task A_try_that_was_lost_and_comes_late_takes_no_second_place()
    {
        var shard = new MachineShard(time);
        var client = new MachineClient(shard);
        using var locks = new MultiDcLocks(client, time, static () => 0.5);
        WriteOperation? late = null;
        client.Fate = operation =>
        {
            if (late is not null || operation is not BatchOperation { Then: [PutOperation { Lease.IsNone: false }, ..] })
            {
                return WriteFate.Answered;
            }

            // The place that was tried is another's before it is looked again.
            late = operation;
            shard.Write(new PutOperation(((BatchOperation)operation).Then[0].Key, Bytes("another")));
            return WriteFate.RequestLost;
        };
        var acquiring = locks.AcquireSemaphoreAsync("default", "s", 2, Ttl);
        await PassAsync(shard, TimeSpan.FromSeconds(1), []);
        var held = await acquiring;
        var tried = ((BatchOperation)late!).Then[0].Key;
        Assert.NotEqual(held.Guard.Name, Text(tried));
        shard.Write(new DeleteOperation(tried));
        shard.Write(late);
        await PassAsync(shard, 3 * Ttl, []);
        Assert.Null(shard.Read(tried));
        Assert.False(held.Lost.IsCancellationRequested);
        Assert.Single(await locks.GetSemaphoreHoldersAsync("default", "s"));
    }

    /// <summary>
    /// Processes that are paused and cut off at random: never do more than there are places believe rightly that they hold one, and of all who believe it, awake or not, never more than there are places
    /// can write with their guard; who was overtaken cannot, and who is awake and was not told that it lost always can.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task No_more_hold_it_than_there_are_places_whoever_is_paused_or_cut_off(int seed)
    {
        var random = new SeededRandomSource((ulong)seed);
        var shard = new MachineShard(time);
        Process[] all = [.. Enumerable.Range(0, 6).Select(_ => new Process(shard, () => random.Next(0, 1000) / 1000.0))];
        var isAway = new bool[all.Length];
        for (var i = 0; i < all.Length; i++)
        {
            var one = i;
            all[i].Client.Fate = _ => isAway[one] ? WriteFate.RequestLost : random.Next(0, 8) == 0 ? WriteFate.AnswerLost : WriteFate.Answered;
        }

        var newest = new Dictionary<string, ulong>();
        var (acquired, refused, most) = (0, 0, 0);
        for (var step = 0; step < 4_000; step++)
        {
            for (var i = 0; i < all.Length; i++)
            {
                var process = all[i];
                process.IsPaused ^= random.Next(0, process.IsPaused ? 300 : 500) == 0;
                isAway[i] ^= random.Next(0, isAway[i] ? 100 : 400) == 0;
                if (!process.IsPaused && process.Held is { } held && (held.Lost.IsCancellationRequested || random.Next(0, 300) == 0))
                {
                    await held.ReleaseAsync();
                    process.Held = null;
                }

                if (!process.IsPaused && process.Held is null)
                {
                    process.Waiting ??= process.Locks.AcquireSemaphoreAsync("default", "s", Places, Ttl);
                    if (process.Waiting.IsCompleted)
                    {
                        (process.Held, process.Waiting) = (await process.Waiting, null);
                        newest[process.Held.Guard.Name] = Math.Max(newest.GetValueOrDefault(process.Held.Guard.Name), process.Held.Token.Value);
                        acquired++;
                    }
                }
            }

            var written = 0;
            foreach (var process in all.Where(static process => process.Believes))
            {
                var isWritten = shard.Write(new AppendOperation(Bytes("{s}/data"), Bytes(".")) { Guard = process.Held!.Guard }) is Applied;
                written += isWritten ? 1 : 0;
                refused += isWritten ? 0 : 1;
                Assert.True(isWritten || process.IsBehind, "one that is awake and was not told that it lost its place cannot write");
                Assert.False(isWritten && process.Held.Token.Value < newest[process.Held.Guard.Name], "an old token was good");
            }

            Assert.True(written <= Places, $"{written} have written");
            Assert.True(all.Count(static process => process is { Believes: true, IsBehind: false }) <= Places);
            most = Math.Max(most, written);
            if (step % 50 == 0)
            {
                shard.Write(new DeleteOperation(Bytes("{s}/data")));
            }

            await PassAsync(shard, Step, all);
        }

        output.WriteLine($"acquired {acquired} times, {refused} writes refused, {most} at once");
        Assert.True(acquired > 30 && refused > 10 && most == Places, $"acquired {acquired} times, {refused} writes refused, {most} at once");
        Array.ForEach(all, static process => process.Dispose());
    }

    private async Task PassAsync(MachineShard shard, TimeSpan span, Process[] processes)
    {
        for (var passed = TimeSpan.Zero; passed < span; passed += Step)
        {
            Advance(time, Step);
            Array.ForEach(processes, static process => process.Pass());

            // What was woken but not run inside Advance runs on the pool.
            for (var i = 0; i < 20; i++)
            {
                await Task.Yield();
            }

            shard.Tick();
        }
    }

    // Without the test runner's context the code that waits for the clock runs on inside Advance, and the clock cannot run away from it.
    private static void Advance(FakeTimeProvider time, TimeSpan by)
    {
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            time.Advance(by);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    private static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    private static string Text(ReadOnlyMemory<byte> bytes) => System.Text.Encoding.UTF8.GetString(bytes.Span);
}
