using MultiDc.Raft;
using MultiDc.Storage;

namespace MultiDc.Testing.Storage;

// Erasing: log and rows of a replica go for good, and nobody who had it open writes any more.
public abstract partial class ReplicaStoreConformance
{
    [Fact]
    public async Task An_erased_replica_has_no_log_and_no_rows_also_after_a_crash()
    {
        var storage = await OpenWithLogAsync(5);
        await storage.State.ApplyAsync(Batch(("a", "1"), ("b", "2")), new LogIndex(4));
        await storage.State.FlushAsync();
        await storage.State.ApplyAsync(Batch(("c", "3")), new LogIndex(5));
        await storage.DisposeAsync();

        await Store.EraseAsync(Shard);
        await underTest.CrashAsync();

        var opened = await Store.OpenAsync(Shard, null);
        Assert.NotNull(opened);
        Assert.Empty(opened.Recovered.Entries);
        Assert.Equal("", await AllRowsAsync(opened));
        Assert.Equal(opened.Recovered.Snapshot.LastIncluded.Index, opened.Recovered.Applied);
    }

    [Fact]
    public async Task Erasing_fences_who_had_the_replica_open()
    {
        var old = await OpenWithLogAsync(3);
        await old.State.ApplyAsync(Batch(("a", "1")), new LogIndex(2));

        await Store.EraseAsync(Shard);

        await Assert.ThrowsAsync<FencedException>(async () => await old.WriteAsync(new ReplicaWrite { Entries = Entries(4, 4) }));
        await Assert.ThrowsAsync<FencedException>(async () => await old.State.ApplyAsync(Batch(("a", "2")), new LogIndex(3)));
        await Assert.ThrowsAsync<FencedException>(async () => await old.ConfirmEpochAsync());
        var opened = (await Store.OpenAsync(Shard, null))!;
        Assert.Equal("", await AllRowsAsync(opened));
        Assert.True(opened.Epoch.Value > old.Epoch.Value);
    }

    [Fact]
    public async Task Erasing_keeps_what_was_voted_and_touches_no_other_replica()
    {
        await OpenWithLogAsync(3);
        var other = await OpenWithLogAsync(2, OtherShard);
        await other.State.ApplyAsync(Batch(("a", "other")), new LogIndex(2));

        await Store.EraseAsync(Shard);

        await other.WriteAsync(new ReplicaWrite { Entries = Entries(3, 3) });
        await underTest.ReopenAsync();
        Assert.Equal(Voted(1, 1).VotedFor, (await OpenAsync()).Recovered.HardState.VotedFor);
        var reopened = await OpenAsync(OtherShard);
        AssertEntries(Entries(1, 3), reopened.Recovered.Entries);
        Assert.Equal("other", await ReadAsync(reopened.State, "a"));
    }

    [Fact]
    public async Task Nothing_counts_as_committed_that_erasing_has_taken_from_the_log()
    {
        var storage = await OpenWithLogAsync(3);
        await storage.WriteAsync(new ReplicaWrite { HardState = Voted(2, 1, commit: 3) });

        await Store.EraseAsync(Shard);

        await underTest.ReopenAsync();
        var recovered = (await OpenAsync()).Recovered;
        Assert.Empty(recovered.Entries);
        Assert.Equal(Voted(2, 1, recovered.HardState.Commit.Value), recovered.HardState);
        Assert.InRange(recovered.HardState.Commit.Value, 0UL, recovered.Snapshot.LastIncluded.Index.Value);
    }

    [Fact]
    public async Task Erasing_is_done_again_without_harm_and_what_is_unknown_stays_so()
    {
        await OpenWithLogAsync(3);
        await Store.EraseAsync(Shard);
        await Store.EraseAsync(Shard);
        Assert.Empty((await OpenAsync()).Recovered.Entries);

        await Store.EraseAsync(OtherShard);
        Assert.Null(await Store.OpenAsync(OtherShard, null));
    }

    [Fact]
    public async Task A_crash_in_the_middle_of_erasing_leaves_all_or_nothing()
    {
        var storage = await OpenWithLogAsync(5);
        await storage.State.ApplyAsync(Batch(("a", "1")), new LogIndex(5));
        await storage.State.FlushAsync();
        await storage.DisposeAsync();

        var hold = underTest.HoldCommits();
        var erasing = Store.EraseAsync(Shard).AsTask();
        await underTest.CrashAsync();
        hold.Dispose();
        await erasing.ContinueWith(static _ => { }, TaskScheduler.Default);

        var opened = await OpenAsync();
        var rows = await AllRowsAsync(opened);
        Assert.Equal(opened.Recovered.Entries.Count == 0 ? "" : "a=1", rows);
        await opened.DisposeAsync();
        await Store.EraseAsync(Shard);
        Assert.Equal("", await AllRowsAsync(await OpenAsync()));
    }
}
