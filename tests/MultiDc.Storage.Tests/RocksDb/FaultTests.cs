using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Raft;

namespace MultiDc.Storage.Tests;

public sealed class FaultTests : IDisposable
{
    private readonly TemporaryFolder folders = new();

    public void Dispose() => folders.Dispose();

    [Fact]
    public async Task The_first_failed_commit_is_the_last()
    {
        var failing = false;
        var attempts = 0;
        var folder = folders.New();
        await using (var store = await RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folder) with
        {
            BeforeCommit = _ =>
            {
                attempts++;
                if (Volatile.Read(ref failing))
                {
                    throw new IOException("injected");
                }
            },
        }))
        {
            var storage = await store.OpenReplicaAsync();
            await storage.WriteAsync(RocksDbTestStore.Append(1, 2));
            Volatile.Write(ref failing, true);
            var failed = await Assert.ThrowsAsync<StoreFailedException>(async () => await storage.WriteAsync(RocksDbTestStore.Append(3, 3)));
            Assert.Contains("injected", failed.Message, StringComparison.Ordinal);
            Assert.Equal(StoreHealth.Failed, store.Health);

            Volatile.Write(ref failing, false);
            var before = attempts;
            await Assert.ThrowsAsync<StoreFailedException>(async () => await storage.WriteAsync(RocksDbTestStore.Append(3, 3)));
            await Assert.ThrowsAsync<StoreFailedException>(async () => await storage.ConfirmEpochAsync());
            await Assert.ThrowsAsync<StoreFailedException>(async () => await storage.State.ApplyAsync(new StateBatch(), new LogIndex(1)));
            await Assert.ThrowsAsync<StoreFailedException>(async () => await storage.State.FlushAsync());
            await Assert.ThrowsAsync<StoreFailedException>(async () => await store.OpenReplicaAsync());
            await Assert.ThrowsAsync<StoreFailedException>(async () => await store.AddRecordAsync("key", default));
            Assert.Equal(before, attempts);
            await storage.DisposeAsync();
        }

        await using var reopened = await RocksDbTestStore.OpenAsync(folder);
        Assert.Equal(2, (await reopened.OpenReplicaAsync()).Recovered.Entries.Count);
    }

    [Fact]
    public async Task Writes_that_wait_behind_a_failed_commit_fail_too()
    {
        var gate = new CommitGate();
        var fail = false;
        await using var store = await RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folders.New()) with
        {
            BeforeCommit = writes =>
            {
                gate.Pass(writes);
                if (Volatile.Read(ref fail))
                {
                    throw new IOException("injected");
                }
            },
        });
        var storage = await store.OpenReplicaAsync();
        var hold = gate.Hold();
        Volatile.Write(ref fail, true);
        var writes = Enumerable.Range(1, 20).Select(i => storage.WriteAsync(RocksDbTestStore.Append((ulong)i, (ulong)i)).AsTask()).ToArray();
        hold.Dispose();

        foreach (var write in writes)
        {
            await Assert.ThrowsAsync<StoreFailedException>(() => write);
        }
    }

    [Fact]
    public async Task A_failed_state_flush_is_never_tried_again()
    {
        var gate = new CommitGate();
        var flushes = 0;
        await using var store = await RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folders.New()) with
        {
            BeforeStateFlush = () =>
            {
                gate.Pass(0);
                if (Interlocked.Increment(ref flushes) == 1)
                {
                    throw new IOException("injected");
                }
            },
        });
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 2));
        await storage.State.ApplyAsync(RocksDbTestStore.Put("a", "1"), new LogIndex(2));
        var hold = gate.Hold();
        var failing = storage.State.FlushAsync().AsTask();
        await gate.Waiting;
        var waiting = storage.State.FlushAsync().AsTask();
        hold.Dispose();

        await Assert.ThrowsAsync<StoreFailedException>(() => failing);
        await Assert.ThrowsAsync<StoreFailedException>(() => waiting);
        Assert.Equal((1, LogIndex.Zero), (flushes, storage.State.DurableApplied));
        Assert.Equal(StoreHealth.Failed, store.Health);
        await Assert.ThrowsAsync<StoreFailedException>(async () => await storage.WriteAsync(RocksDbTestStore.Append(3, 3)));
    }

    [Fact]
    public async Task A_full_disk_refuses_writes_before_they_reach_it_and_takes_them_again_when_there_is_space()
    {
        var free = 1000L;
        var time = new FakeTimeProvider();
        await using var store = await RocksDbReplicaStore.OpenAsync(
            RocksDbTestStore.Options(folders.New()) with { MinFreeBytes = 100, ResumeFreeBytes = 200, FreeSpaceProbe = () => Volatile.Read(ref free) },
            time);
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 3));
        await storage.State.ApplyAsync(RocksDbTestStore.Put("a", "1"), new LogIndex(2));

        Volatile.Write(ref free, 99);
        await Assert.ThrowsAsync<StoreFullException>(async () => await storage.WriteAsync(RocksDbTestStore.Append(4, 4)));
        Assert.Equal(StoreHealth.ReadOnly, store.Health);
        await Assert.ThrowsAsync<StoreFullException>(async () => await store.AddRecordAsync("key", default));
        await Assert.ThrowsAsync<StoreFullException>(async () => await store.OpenReplicaAsync(new ReplicaName("new")));
        await Assert.ThrowsAsync<StoreFullException>(async () => await storage.State.StageAsync(
            new SnapshotMetadata(new EntryId(new Term(1), new LogIndex(9)), RocksDbTestStore.Founding.Configuration)));

        // What the store holds already goes on: reading, applying, making room, and reopening.
        await storage.WriteAsync(new ReplicaWrite());
        await storage.ConfirmEpochAsync();
        await storage.State.ApplyAsync(RocksDbTestStore.Put("a", "2"), new LogIndex(3));
        await storage.State.FlushAsync();
        await storage.CompactToAsync(new SnapshotMetadata(new EntryId(new Term(1), new LogIndex(2)), RocksDbTestStore.Founding.Configuration));
        storage = await store.OpenReplicaAsync();
        Assert.Single(storage.Recovered.Entries);

        Volatile.Write(ref free, 199);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(StoreHealth.ReadOnly, store.Health);
        await Assert.ThrowsAsync<StoreFullException>(async () => await storage.WriteAsync(RocksDbTestStore.Append(4, 4)));
        Volatile.Write(ref free, 200);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(StoreHealth.Ok, store.Health);
        await storage.WriteAsync(RocksDbTestStore.Append(4, 4));
    }

    [Fact]
    public async Task Free_space_that_cannot_be_read_counts_as_none()
    {
        var broken = false;
        await using var store = await RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folders.New()) with
        {
            FreeSpaceProbe = () => Volatile.Read(ref broken) ? throw new IOException("gone") : long.MaxValue,
        });
        var storage = await store.OpenReplicaAsync();
        Volatile.Write(ref broken, true);
        var refused = await Assert.ThrowsAsync<StoreFullException>(async () => await storage.WriteAsync(RocksDbTestStore.Append(1, 1)));
        Assert.Equal("gone", refused.InnerException!.Message);
        Volatile.Write(ref broken, false);
        await storage.WriteAsync(RocksDbTestStore.Append(1, 1));
    }

    [Fact]
    public async Task A_view_ends_when_the_store_closes_under_it()
    {
        var store = await RocksDbTestStore.OpenAsync(folders.New());
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 1));
        var batch = new StateBatch();
        for (var i = 0; i < 1000; i++)
        {
            batch.Changes.Add((BitConverter.GetBytes(i), new byte[10]));
        }

        await storage.State.ApplyAsync(batch, new LogIndex(1));
        var view = storage.State.OpenView();
        await using var scan = view.ScanAsync(default, null).GetAsyncEnumerator();
        Assert.True(await scan.MoveNextAsync());
        await store.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
        {
            while (await scan.MoveNextAsync())
            {
            }
        });
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await view.GetAsync(new byte[] { 1 }));
        view.Dispose();
    }

    [Fact]
    public async Task Commits_are_measured()
    {
        var seen = new ConcurrentDictionary<string, double>();
        using var meters = new TestMeters();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (ReferenceEquals(instrument.Meter, meters.Meter))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => seen[instrument.Name] = value);
        listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => seen[instrument.Name] = value);
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => seen[instrument.Name] = value);
        listener.Start();
        var store = await RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folders.New()), meters: meters);
        var old = await store.OpenReplicaAsync();
        await store.OpenReplicaAsync();
        await Assert.ThrowsAsync<FencedException>(async () => await old.WriteAsync(RocksDbTestStore.Append(1, 1)));
        listener.RecordObservableInstruments();

        Assert.True(seen["multidc.store.flush.duration"] > 0);
        Assert.Equal(1, seen["multidc.store.batch.writes"]);
        Assert.Equal(1, seen["multidc.store.fenced"]);
        Assert.Equal(0, seen["multidc.store.queue.depth"]);
        Assert.Equal(0, seen["multidc.store.health"]);
        await store.DisposeAsync();
        listener.RecordObservableInstruments();
    }

    private sealed class TestMeters : IMeterFactory
    {
        public Meter? Meter { get; private set; }

        public Meter Create(MeterOptions options) => Meter = new Meter(options);

        public void Dispose() => Meter?.Dispose();
    }
}
