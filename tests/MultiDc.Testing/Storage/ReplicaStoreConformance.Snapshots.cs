using MultiDc.Raft;
using MultiDc.Storage;

namespace MultiDc.Testing.Storage;

// Received snapshots: staged beside the live rows, installed whole or not at all.
public abstract partial class ReplicaStoreConformance
{
    [Fact]
    public async Task An_installed_snapshot_replaces_log_and_rows()
    {
        var storage = await OpenWithLogAsync(6);
        await storage.State.ApplyAsync(Batch(("a", "old"), ("z", "old")), new LogIndex(4));
        var staged = await StageAsync(storage, SnapshotAt(20, term: 3, 1, 2, 5), ("a", "new"), ("b", "new"));

        await storage.WriteAsync(new ReplicaWrite { HardState = Voted(3, 2, commit: 20), Install = staged, Entries = Entries(21, 22, term: 3) });

        Assert.Equal((new LogIndex(20), new LogIndex(20)), (storage.State.Applied, storage.State.DurableApplied));
        Assert.Equal("a=new b=new", await AllRowsAsync(storage));
        await underTest.CrashAsync();

        storage = await OpenAsync();
        Assert.Equal(SnapshotAt(20, term: 3, 1, 2, 5), storage.Recovered.Snapshot);
        Assert.Equal(Voted(3, 2, commit: 20), storage.Recovered.HardState);
        Assert.Equal(new LogIndex(20), storage.Recovered.Applied);
        AssertEntries(Entries(21, 22, term: 3), storage.Recovered.Entries);
        Assert.Equal("a=new b=new", await AllRowsAsync(storage));
        Assert.Null(await ReadAsync(storage.State, "z"));
    }

    [Fact]
    public async Task A_snapshot_inside_the_log_drops_the_log_too()
    {
        var storage = await OpenWithLogAsync(9);
        await storage.WriteAsync(new ReplicaWrite { Install = await StageAsync(storage, SnapshotAt(5, term: 2), ("a", "1")) });
        await underTest.CrashAsync();

        storage = await OpenAsync();
        Assert.Equal(SnapshotAt(5, term: 2), storage.Recovered.Snapshot);
        Assert.Empty(storage.Recovered.Entries);
    }

    [Fact]
    public async Task Until_it_is_installed_a_staged_snapshot_changes_nothing()
    {
        var storage = await OpenWithLogAsync(6);
        await storage.State.ApplyAsync(Batch(("a", "old")), new LogIndex(4));
        await StageAsync(storage, SnapshotAt(20), ("a", "new"), ("b", "new"));

        Assert.Equal("a=old", await AllRowsAsync(storage));
        await storage.State.ApplyAsync(Batch(("c", "old")), new LogIndex(5));
        await storage.WriteAsync(new ReplicaWrite { Entries = Entries(7, 7) });
        await storage.State.FlushAsync();
        await underTest.CrashAsync();

        storage = await OpenAsync();
        Assert.Equal(EntryId.Zero, storage.Recovered.Snapshot.LastIncluded);
        Assert.Equal(new LogIndex(5), storage.Recovered.Applied);
        AssertEntries(Entries(1, 7), storage.Recovered.Entries);
        Assert.Equal("a=old c=old", await AllRowsAsync(storage));
    }

    [Fact]
    public async Task After_a_crash_before_the_install_another_snapshot_starts_clean()
    {
        var storage = await OpenWithLogAsync(2);
        await StageAsync(storage, SnapshotAt(20), ("a", "lost"), ("b", "lost"), ("c", "lost"));
        await storage.State.FlushAsync();
        await underTest.CrashAsync();

        storage = await OpenAsync();
        await storage.WriteAsync(new ReplicaWrite { Install = await StageAsync(storage, SnapshotAt(30), ("b", "kept")) });
        Assert.Equal("b=kept", await AllRowsAsync(storage));
        await underTest.CrashAsync();

        Assert.Equal("b=kept", await AllRowsAsync(await OpenAsync()));
    }

    [Fact]
    public async Task An_install_in_a_crash_happens_whole_or_not_at_all()
    {
        var storage = await OpenWithLogAsync(6);
        await storage.State.ApplyAsync(Batch(("a", "old")), new LogIndex(4));
        await storage.State.FlushAsync();
        var staged = await StageAsync(storage, SnapshotAt(20, term: 3), ("a", "new"));
        using var hold = underTest.HoldCommits();
        var install = storage.WriteAsync(new ReplicaWrite { Install = staged, Entries = Entries(21, 21, term: 3) }).AsTask();
        await underTest.CrashAsync();
        hold.Dispose();
        await Record.ExceptionAsync(() => install);

        storage = await OpenAsync();
        var installed = storage.Recovered.Snapshot.LastIncluded.Index == new LogIndex(20);
        Assert.Equal(installed ? new LogIndex(20) : new LogIndex(4), storage.Recovered.Applied);
        AssertEntries(installed ? Entries(21, 21, term: 3) : Entries(1, 6), storage.Recovered.Entries);
        Assert.Equal(installed ? "a=new" : "a=old", await AllRowsAsync(storage));
    }

    [Fact]
    public async Task Staging_again_drops_what_was_staged_before()
    {
        var storage = await OpenWithLogAsync(2);
        var first = await StageAsync(storage, SnapshotAt(20), ("a", "first"), ("b", "first"));
        var second = await StageAsync(storage, SnapshotAt(30), ("b", "second"));

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await first.AddAsync(Rows(("c", "first"))));
        await Assert.ThrowsAnyAsync<Exception>(async () => await storage.WriteAsync(new ReplicaWrite { Install = first }));
        await storage.WriteAsync(new ReplicaWrite { Install = second });

        Assert.Equal("b=second", await AllRowsAsync(storage));
        await Assert.ThrowsAnyAsync<Exception>(async () => await storage.WriteAsync(new ReplicaWrite { Install = second }));
    }

    [Fact]
    public async Task Two_snapshots_in_a_row_leave_the_second()
    {
        var storage = await OpenWithLogAsync(2);
        await storage.WriteAsync(new ReplicaWrite { Install = await StageAsync(storage, SnapshotAt(20), ("a", "1"), ("b", "1")) });
        await storage.WriteAsync(new ReplicaWrite { Install = await StageAsync(storage, SnapshotAt(40, term: 2), ("b", "2")) });
        await underTest.CrashAsync();

        storage = await OpenAsync();
        Assert.Equal(SnapshotAt(40, term: 2), storage.Recovered.Snapshot);
        Assert.Equal("b=2", await AllRowsAsync(storage));
    }

    [Fact]
    public async Task Rows_applied_after_an_install_go_back_to_the_snapshot_in_a_crash()
    {
        var storage = await OpenWithLogAsync(2);
        await storage.WriteAsync(new ReplicaWrite
        {
            Install = await StageAsync(storage, SnapshotAt(20), ("a", "1")),
            Entries = Entries(21, 25),
        });
        await storage.State.ApplyAsync(Batch(("a", "2"), ("b", "2")), new LogIndex(23));
        await underTest.CrashAsync();

        storage = await OpenAsync();
        Assert.Equal(new LogIndex(20), storage.Recovered.Applied);
        Assert.Equal("a=1", await AllRowsAsync(storage));
        AssertEntries(Entries(21, 25), storage.Recovered.Entries);
    }

    [Fact]
    public async Task A_view_opened_before_an_install_stays_as_it_was()
    {
        var storage = await OpenWithLogAsync(3);
        await storage.State.ApplyAsync(Batch(("a", "old"), ("b", "old")), new LogIndex(3));
        using var view = storage.State.OpenView();
        await storage.WriteAsync(new ReplicaWrite { Install = await StageAsync(storage, SnapshotAt(20), ("a", "new")) });
        await storage.State.FlushAsync();

        Assert.Equal(new LogIndex(3), view.Applied);
        Assert.Equal("a=old b=old", await ScanAsync(view));
    }

    [Fact]
    public async Task An_empty_snapshot_empties_the_state()
    {
        var storage = await OpenWithLogAsync(3);
        await storage.State.ApplyAsync(Batch(("a", "old")), new LogIndex(3));
        await storage.WriteAsync(new ReplicaWrite { Install = await StageAsync(storage, SnapshotAt(3)) });
        await underTest.ReopenAsync();

        storage = await OpenAsync();
        Assert.Equal("", await AllRowsAsync(storage));
        Assert.Equal(new LogIndex(3), storage.Recovered.Applied);
    }

    [Fact]
    public async Task Entries_must_join_the_installed_snapshot()
    {
        var storage = await OpenWithLogAsync(3);
        var staged = await StageAsync(storage, SnapshotAt(20), ("a", "new"));

        await Assert.ThrowsAsync<LogGapException>(async () => await storage.WriteAsync(
            new ReplicaWrite { Install = staged, Entries = Entries(22, 23) }));
        await underTest.CrashAsync();

        storage = await OpenAsync();
        AssertEntries(Entries(1, 3), storage.Recovered.Entries);
        Assert.Equal("", await AllRowsAsync(storage));
    }

    [Fact]
    public async Task A_snapshot_never_takes_the_state_back()
    {
        var storage = await OpenWithLogAsync(9);
        await storage.State.ApplyAsync(Batch(("a", "9")), new LogIndex(9));
        var staged = await StageAsync(storage, SnapshotAt(8), ("a", "8"));

        await Assert.ThrowsAsync<RaftInvariantException>(async () => await storage.WriteAsync(new ReplicaWrite { Install = staged }));

        Assert.Equal("a=9", await AllRowsAsync(storage));
    }

    [Fact]
    public async Task Keys_of_a_staged_snapshot_ascend()
    {
        var storage = await OpenWithLogAsync(1);
        var staged = await StageAsync(storage, SnapshotAt(8), ("b", "1"));

        await Assert.ThrowsAsync<RaftInvariantException>(async () => await staged.AddAsync(Rows(("b", "2"))));
        await Assert.ThrowsAsync<RaftInvariantException>(async () => await staged.AddAsync(Rows(("d", "2"), ("c", "2"))));
    }

    [Fact]
    public async Task A_large_snapshot_arrives_in_pieces()
    {
        var storage = await OpenWithLogAsync(1);
        var staged = await storage.State.StageAsync(SnapshotAt(50));
        for (var piece = 0; piece < 20; piece++)
        {
            await staged.AddAsync([.. Enumerable.Range(0, 100).Select(i => new StateRow(Bytes($"{piece:D2}/{i:D2}"), new byte[100]))]);
        }

        await storage.WriteAsync(new ReplicaWrite { Install = staged });
        await underTest.CrashAsync();

        using var view = (await OpenAsync()).State.OpenView();
        Assert.Equal(2000, (await KeysAsync(view, [], null)).Count);
    }

    private static async Task<IStagedSnapshot> StageAsync(
        IReplicaStorage storage, SnapshotMetadata metadata, params (string Key, string Value)[] rows)
    {
        var staged = await storage.State.StageAsync(metadata);
        foreach (var row in rows)
        {
            await staged.AddAsync(Rows(row));
        }

        return staged;
    }
}
