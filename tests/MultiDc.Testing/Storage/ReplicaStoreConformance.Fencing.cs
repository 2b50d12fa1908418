using MultiDc.Raft;
using MultiDc.Storage;

namespace MultiDc.Testing.Storage;

// Epochs: of two activations of one replica only the later may write or count itself.
public abstract partial class ReplicaStoreConformance
{
    [Fact]
    public async Task Every_opening_has_a_higher_epoch_across_restarts_and_crashes()
    {
        var epochs = new List<ulong> { (await OpenAsync()).Epoch.Value, (await OpenAsync()).Epoch.Value };
        await underTest.ReopenAsync();
        epochs.Add((await OpenAsync()).Epoch.Value);
        await underTest.CrashAsync();
        epochs.Add((await OpenAsync()).Epoch.Value);

        Assert.Equal([1, 2, 3, 4], epochs);
    }

    [Fact]
    public async Task A_later_opening_fences_every_write_of_the_earlier_one()
    {
        var old = await OpenWithLogAsync(2);
        var staged = await old.State.StageAsync(SnapshotAt(9));
        var latest = await OpenAsync();

        await Assert.ThrowsAsync<FencedException>(async () => await old.WriteAsync(new ReplicaWrite { HardState = Voted(9, 9) }));
        await Assert.ThrowsAsync<FencedException>(async () => await old.WriteAsync(new ReplicaWrite { Entries = Entries(3, 3) }));
        await Assert.ThrowsAsync<FencedException>(async () => await old.WriteAsync(new ReplicaWrite { Install = staged }));
        await Assert.ThrowsAsync<FencedException>(async () => await old.WriteAsync(new ReplicaWrite()));
        await Assert.ThrowsAsync<FencedException>(async () => await old.State.ApplyAsync(Batch(("a", "old")), new LogIndex(1)));
        await Assert.ThrowsAsync<FencedException>(async () => await old.State.StageAsync(SnapshotAt(9)));
        await Assert.ThrowsAsync<FencedException>(async () => await staged.AddAsync(Rows(("a", "old"))));
        await Assert.ThrowsAsync<FencedException>(async () => await old.State.GetAsync(Bytes("a")));
        Assert.Throws<FencedException>(() => old.State.OpenView().Dispose());

        await latest.WriteAsync(new ReplicaWrite { Entries = Entries(3, 4, term: 2) });
        await latest.State.ApplyAsync(Batch(("a", "new")), new LogIndex(2));
        Assert.Equal("new", await ReadAsync(latest.State, "a"));
        await underTest.CrashAsync();

        var recovered = (await OpenAsync()).Recovered;
        Assert.Equal(Voted(1, 1), recovered.HardState);
        AssertEntries([.. Entries(1, 2), .. Entries(3, 4, term: 2)], recovered.Entries);
    }

    [Fact]
    public async Task Compaction_through_an_older_opening_is_fenced()
    {
        var old = await OpenWithLogAsync(4);
        await old.State.ApplyAsync(Batch(), new LogIndex(4));
        await old.State.FlushAsync();
        await OpenAsync();

        await Assert.ThrowsAsync<FencedException>(async () => await old.CompactToAsync(SnapshotAt(3)));

        Assert.Equal(4, (await OpenAsync()).Recovered.Entries.Count);
    }

    [Fact]
    public async Task Only_the_latest_opening_confirms_its_epoch()
    {
        var old = await OpenAsync();
        await old.ConfirmEpochAsync();
        var latest = await OpenAsync();

        var fenced = await Assert.ThrowsAsync<FencedException>(async () => await old.ConfirmEpochAsync());

        Assert.Equal(Shard, fenced.Replica);
        await latest.ConfirmEpochAsync();
    }

    [Fact]
    public async Task A_write_called_before_the_next_opening_is_in_its_recovery_and_one_called_after_is_fenced()
    {
        var old = await OpenWithLogAsync(1);
        var hold = underTest.HoldCommits();
        var before = old.WriteAsync(new ReplicaWrite { Entries = Entries(2, 2) }).AsTask();
        var opening = OpenAsync();
        var after = old.WriteAsync(new ReplicaWrite { Entries = Entries(3, 3) }).AsTask();
        hold.Dispose();

        await before;
        AssertEntries(Entries(1, 2), (await opening).Recovered.Entries);
        await Assert.ThrowsAsync<FencedException>(() => after);
    }

    [Fact]
    public async Task Disposing_a_fenced_opening_leaves_the_later_one_alone()
    {
        var old = await OpenAsync();
        var latest = await OpenAsync();
        await old.DisposeAsync();

        await latest.WriteAsync(new ReplicaWrite { Entries = Entries(1, 1) });
        await latest.ConfirmEpochAsync();
    }

    [Fact]
    public async Task A_disposed_opening_writes_nothing_and_its_zombie_predecessor_stays_fenced()
    {
        var zombie = await OpenAsync();
        var disposed = await OpenAsync();
        await disposed.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await disposed.WriteAsync(new ReplicaWrite { Entries = Entries(1, 1) }));
        await Assert.ThrowsAsync<FencedException>(async () => await zombie.WriteAsync(new ReplicaWrite { Entries = Entries(1, 1) }));

        var latest = await OpenAsync();

        Assert.Equal(new Epoch(3), latest.Epoch);
        Assert.Empty(latest.Recovered.Entries);
        await Assert.ThrowsAsync<FencedException>(async () => await zombie.ConfirmEpochAsync());
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await disposed.ConfirmEpochAsync());
    }

    [Fact]
    public async Task Of_two_stores_on_the_same_data_only_the_newest_opening_writes_also_when_the_older_was_paused_in_a_write()
    {
        var old = await OpenWithLogAsync(2);
        await old.State.ApplyAsync(Batch(("a", "old")), new LogIndex(1));
        await old.State.FlushAsync();
        var staged = await old.State.StageAsync(SnapshotAt(9));
        if (await OpenSecondAsync() is not { } second)
        {
            // The data belongs to one store at a time, and its owner goes on.
            await old.WriteAsync(new ReplicaWrite { Entries = Entries(3, 3) });
            return;
        }

        ulong last;
        await using (second)
        {
            Assert.Equal(Store.Identity, second.Identity);
            var hold = underTest.HoldCommits();
            var paused = old.WriteAsync(new ReplicaWrite { Entries = Entries(3, 3) }).AsTask();
            var opening = second.OpenAsync(Shard, Founding).AsTask();
            if (underTest.HoldsOneStoreOnly)
            {
                await opening;
            }

            hold.Dispose();
            var latest = (await opening)!;
            var outcome = await Record.ExceptionAsync(() => paused);
            Assert.True(outcome is FencedException || (outcome is null && !underTest.HoldsOneStoreOnly), $"{outcome}");
            last = outcome is null ? 3UL : 2UL;
            AssertEntries(Entries(1, last), latest.Recovered.Entries);

            await Assert.ThrowsAsync<FencedException>(async () => await old.WriteAsync(new ReplicaWrite { HardState = Voted(9, 9) }));
            await Assert.ThrowsAsync<FencedException>(async () => await old.WriteAsync(new ReplicaWrite { Install = staged }));
            await Assert.ThrowsAsync<FencedException>(async () => await old.ConfirmEpochAsync());
            await Assert.ThrowsAsync<FencedException>(async () => await old.CompactToAsync(SnapshotAt(1)));
            await Assert.ThrowsAsync<FencedException>(async () => await old.State.ApplyAsync(Batch(("a", "zombie")), new LogIndex(2)));
            await latest.ConfirmEpochAsync();
            await latest.WriteAsync(new ReplicaWrite { Entries = Entries(last + 1, last + 1, term: 2) });
            await latest.State.ApplyAsync(Batch(("a", "new")), new LogIndex(2));
            await latest.State.FlushAsync();
        }

        await underTest.CrashAsync();
        var storage = await OpenAsync();
        Assert.Equal(new Epoch(3), storage.Epoch);
        Assert.Equal(Voted(1, 1), storage.Recovered.HardState);
        AssertEntries([.. Entries(1, last), Entry(last + 1, term: 2)], storage.Recovered.Entries);
        Assert.Equal("a=new", await AllRowsAsync(storage));
    }

    [Fact]
    public async Task Openings_that_two_stores_make_in_turn_fence_each_other()
    {
        var openings = new List<IReplicaStorage> { await OpenAsync() };
        if (await OpenSecondAsync() is not { } second)
        {
            return;
        }

        await using (second)
        {
            for (var turn = 1UL; turn <= 6; turn++)
            {
                openings.Add(turn % 2 == 1 ? (await second.OpenAsync(Shard, Founding))! : await OpenAsync());
                AssertEntries(Entries(1, turn - 1), openings[^1].Recovered.Entries);
                foreach (var older in openings[..^1])
                {
                    await Assert.ThrowsAsync<FencedException>(async () => await older.WriteAsync(new ReplicaWrite { Entries = Entries(turn, turn, term: 9) }));
                }

                await openings[^1].WriteAsync(new ReplicaWrite { Entries = Entries(turn, turn) });
            }
        }

        Assert.Equal(Enumerable.Range(1, 7).Select(i => new Epoch((ulong)i)), openings.Select(opening => opening.Epoch));
    }

    private async Task<IReplicaStore?> OpenSecondAsync()
    {
        try
        {
            return await underTest.OpenSecondAsync();
        }
        catch (StoreOpenException)
        {
            return null;
        }
    }

    [Fact]
    public async Task Fencing_one_replica_leaves_the_others_alone()
    {
        var other = await OpenAsync(OtherShard);
        await OpenAsync();
        await OpenAsync();

        await other.WriteAsync(new ReplicaWrite { Entries = Entries(1, 1) });
        await other.ConfirmEpochAsync();
    }

    [Fact]
    public async Task Of_openings_at_the_same_time_only_the_last_may_write()
    {
        var attempts = Enumerable.Range(0, 8).Select(_ => OpenAsync()).ToArray();
        foreach (var attempt in attempts[..^1])
        {
            // Already superseded: told so when it opens, or when it writes.
            await Assert.ThrowsAsync<FencedException>(async () => await (await attempt).WriteAsync(new ReplicaWrite { HardState = Voted(2, 1) }));
        }

        var last = await attempts[^1];
        await last.WriteAsync(new ReplicaWrite { HardState = Voted(2, 1) });
        Assert.Equal(new Epoch(8), last.Epoch);
    }
}
