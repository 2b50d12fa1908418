using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Routing.Links;
using MultiDc.Server.Replication;
using MultiDc.Server.Tests.Replication;
using MultiDc.Server.Transport;
using MultiDc.Server.Trust;

namespace MultiDc.Server.Tests.Transport;

/// <summary>What travels together, what waits, and what is dropped on the way to a datacenter.</summary>
public sealed class OutboxTests : IDisposable
{
    private readonly FakeTimeProvider time = new();
    private readonly FarReceiver far = new();
    private readonly ReplicaMetrics metrics = new(null);
    private DatacenterOutbox? outbox;

    public void Dispose()
    {
        outbox?.Dispose();
        metrics.Dispose();
    }

    [Fact]
    public async Task Frames_of_many_shards_travel_in_one_call_and_in_order()
    {
        var box = Open(new() { MaxParcelsInFlight = 1 });
        box.Add(Frame(0));
        var first = await far.NextAsync();
        for (var shard = 1; shard <= 50; shard++)
        {
            box.Add(Frame(shard));
        }

        first.Answer();
        var second = await far.NextAsync();
        Assert.Equal([0], first.Shards);
        Assert.Equal(Enumerable.Range(1, 50), second.Shards);
    }

    [Fact]
    public async Task A_parcel_is_bounded_in_bytes()
    {
        var box = Open(new() { MaxParcelsInFlight = 1, MaxParcelBytes = 100 });
        box.Add(Frame(0));
        var first = await far.NextAsync();
        for (var shard = 1; shard <= 5; shard++)
        {
            box.Add(Frame(shard, bytes: 60));
        }

        first.Answer();
        var second = await far.NextAsync();
        second.Answer();
        var third = await far.NextAsync();
        Assert.Equal([1, 2], second.Shards);
        Assert.Equal([3, 4], third.Shards);
    }

    [Fact]
    public async Task What_a_datacenter_that_is_away_is_told_is_bounded_and_goes_on_when_it_is_back()
    {
        var box = Open(new() { MaxParcelsInFlight = 2, ConfirmEvery = 1, MaxWaitingFrames = 10, ParcelTimeout = TimeSpan.FromSeconds(2) });
        box.Add(Frame(0));
        await far.NextAsync();
        box.Add(Frame(1));
        await far.NextAsync();

        // Both places are taken, and ten wait.
        for (var shard = 2; shard < 100; shard++)
        {
            box.Add(Frame(shard));
        }

        Assert.Equal(2, far.Calls);
        time.Advance(TimeSpan.FromSeconds(2));
        var next = await far.NextAsync();
        Assert.Equal(Enumerable.Range(2, 10), next.Shards);
    }

    [Fact]
    public void One_parcel_in_so_many_is_confirmed_and_the_others_are_bounded_by_it()
    {
        var turns = new TurnScheduler();
        var box = Open(new() { MaxParcelsInFlight = 8, ConfirmEvery = 4 }, turns);
        var confirmed = new List<Arrival>();
        for (var shard = 1; shard <= 8; shard++)
        {
            // One by one, so that none travels with another.
            box.Add(Frame(shard));
            turns.RunUntilIdle();
            var parcel = Assert.IsType<Arrival>(far.TryNext());
            Assert.Equal(shard % 4 == 0, parcel.IsConfirmed);
            Assert.Equal([shard], parcel.Shards);
            if (parcel.IsConfirmed)
            {
                confirmed.Add(parcel);
            }
        }

        // Two confirmations are awaited: there is no place for another, whether confirmed or not.
        box.Add(Frame(9));
        turns.RunUntilIdle();
        Assert.Equal(8, far.Calls);
        confirmed[0].Answer();
        turns.RunUntil(() => far.Calls == 9);
        Assert.False(far.TryNext()!.IsConfirmed);
    }

    [Fact]
    public async Task What_was_sent_over_a_connection_that_is_closed_is_waited_for_no_longer()
    {
        var box = Open(new() { MaxParcelsInFlight = 1 });
        box.Add(Frame(0));
        await far.NextAsync();
        box.Add(Frame(1));
        Assert.Equal(1, far.Calls);
        far.Lose();
        var next = await far.NextAsync();
        Assert.Equal([1], next.Shards);
    }

    [Fact]
    public async Task Waiting_frames_are_bounded_in_bytes()
    {
        var box = Open(new() { MaxParcelsInFlight = 1, MaxWaitingBytes = 100 });
        box.Add(Frame(0));
        var first = await far.NextAsync();
        for (var shard = 1; shard <= 10; shard++)
        {
            box.Add(Frame(shard, bytes: 40));
        }

        first.Answer();
        var second = await far.NextAsync();
        Assert.Equal([1, 2], second.Shards);

        // What has left makes room again.
        box.Add(Frame(11, bytes: 90));
        second.Answer();
        var third = await far.NextAsync();
        Assert.Equal([11], third.Shards);
    }

    [Fact]
    public async Task A_link_that_fails_at_once_costs_what_was_sent_and_no_more()
    {
        var box = Open(new() { MaxParcelsInFlight = 1 });
        far.Fails = true;
        box.Add(Frame(0));
        box.Add(Frame(1));
        await far.FailedAsync();
        far.Fails = false;
        for (var shard = 2; ; shard++)
        {
            box.Add(Frame(shard));
            if (far.TryNext() is { } parcel)
            {
                Assert.DoesNotContain(0, parcel.Shards);
                return;
            }

            await Task.Yield();
        }
    }

    [Fact]
    public async Task Frames_for_a_datacenter_that_was_never_reached_count_as_dropped_and_not_as_sent()
    {
        var counted = Channel.CreateUnbounded<(Instrument Instrument, long Frames)>();
        using var listener = new MeterListener();
        listener.SetMeasurementEventCallback<long>((instrument, frames, _, _) => counted.Writer.TryWrite((instrument, frames)));
        listener.EnableMeasurementEvents(metrics.FramesDropped);
        listener.EnableMeasurementEvents(metrics.FramesSent);
        listener.Start();
        far.WasReached = false;
        Open(new()).Add(Frame(0));
        Assert.Equal((metrics.FramesDropped, 1), await counted.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public async Task It_ends_while_parcels_are_on_their_way()
    {
        var box = Open(new() { MaxParcelsInFlight = 1 });
        box.Add(Frame(0));
        await far.NextAsync();
        box.Add(Frame(1));
        box.Dispose();
        await box.Completion;
    }

    private DatacenterOutbox Open(OutboxOptions options, TaskScheduler? scheduler = null) =>
        outbox = new(far, TestGate.Open.Own, options, scheduler ?? TaskScheduler.Default, time, metrics, NullLogger.Instance);

    private static ReplicaFrame Frame(int shard, int bytes = 1) => new(new("kv", shard), new("a"), Guid.Empty, 1, Guid.Empty, new byte[bytes]);

    /// <summary>The other datacenter: shows each parcel that came, and answers when it is told to.</summary>
    private sealed class FarReceiver : IDatacenterLink, IRaftReceiverGrain
    {
        private readonly Channel<Arrival> arrivals = Channel.CreateUnbounded<Arrival>();
        private readonly TaskCompletionSource failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int calls;

        private CancellationTokenSource lost = new();

        public DatacenterId Datacenter => new("b");

        public CancellationToken Lost => lost.Token;

        public int Calls => Volatile.Read(ref calls);

        public bool Fails { get; set; }

        public bool WasReached { get; set; } = true;

        public bool TryGetGrain<TGrain>(string key, [NotNullWhen(true)] out TGrain? grain)
            where TGrain : class, IGrainWithStringKey
        {
            if (Fails)
            {
                failed.TrySetResult();
                throw new ObjectDisposedException("client");
            }

            grain = WasReached ? (TGrain)(object)this : null;
            return WasReached;
        }

        public void Lose() => Interlocked.Exchange(ref lost, new()).Cancel();

        public Task ReceiveAsync(RaftParcel parcel, SiloCredential credential) => Arrive(parcel, credential, isConfirmed: true).Answered;

        public Task ReceiveOneWayAsync(RaftParcel parcel, SiloCredential credential)
        {
            Arrive(parcel, credential, isConfirmed: false);
            return Task.CompletedTask;
        }

        private Arrival Arrive(RaftParcel parcel, SiloCredential credential, bool isConfirmed)
        {
            Interlocked.Increment(ref calls);
            TestGate.Open.Require(credential);
            var arrival = new Arrival([.. parcel.Frames.Select(static frame => frame.Shard.Number)], isConfirmed);
            arrivals.Writer.TryWrite(arrival);
            return arrival;
        }

        // Only for failing: a parcel that comes is there at once.
        public Task<Arrival> NextAsync() => arrivals.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));

        public Arrival? TryNext() => arrivals.Reader.TryRead(out var arrival) ? arrival : null;

        public Task FailedAsync() => failed.Task;
    }

    private sealed record Arrival(int[] Shards, bool IsConfirmed)
    {
        private readonly TaskCompletionSource answered = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Answered => answered.Task;

        public void Answer() => answered.SetResult();
    }
}
