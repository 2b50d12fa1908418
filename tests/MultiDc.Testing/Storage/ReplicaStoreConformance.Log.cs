using MultiDc.Raft;
using MultiDc.Storage;

namespace MultiDc.Testing.Storage;

// The log and the hard state: what WriteAsync makes durable.
public abstract partial class ReplicaStoreConformance
{
    [Fact]
    public async Task A_founded_replica_has_an_empty_log_and_the_founding_configuration()
    {
        var storage = await OpenAsync();

        Assert.Equal(Shard, storage.Replica);
        Assert.Equal(default, storage.Recovered.HardState);
        Assert.Equal(new SnapshotMetadata(EntryId.Zero, Founding.Configuration), storage.Recovered.Snapshot);
        Assert.Empty(storage.Recovered.Entries);
        Assert.Equal(LogIndex.Zero, storage.Recovered.Applied);
    }

    [Fact]
    public async Task An_unknown_replica_is_not_opened_without_founding() => Assert.Null(await Store.OpenAsync(Shard, founding: null));

    [Fact]
    public async Task A_founded_replica_survives_a_crash_and_is_not_founded_twice()
    {
        await OpenWithLogAsync(2);
        await underTest.CrashAsync();

        var storage = await Store.OpenAsync(Shard, new ReplicaFounding(Configuration(7)));

        Assert.Equal(Founding.Configuration, storage!.Recovered.Snapshot.Configuration);
        Assert.Equal(2, storage.Recovered.Entries.Count);
    }

    [Fact]
    public async Task Acknowledged_entries_and_hard_state_survive_a_crash()
    {
        var storage = await OpenAsync();
        LogEntry[] entries =
        [
            new(new EntryId(new Term(2), new LogIndex(1)), EntryKind.NoOp, default),
            new(new EntryId(new Term(2), new LogIndex(2)), EntryKind.Configuration, Bytes("voters")),
            new(new EntryId(new Term(3), new LogIndex(3)), EntryKind.Command, Bytes("put")),
            new(new EntryId(new Term(3), new LogIndex(4)), EntryKind.Command, default),
        ];
        await storage.WriteAsync(new ReplicaWrite { HardState = Voted(3, votedFor: 2, commit: 1), Entries = entries });
        await underTest.CrashAsync();

        var recovered = (await OpenAsync()).Recovered;

        Assert.Equal(Voted(3, votedFor: 2, commit: 1), recovered.HardState);
        AssertEntries(entries, recovered.Entries);
    }

    [Fact]
    public async Task A_write_without_hard_state_keeps_the_last_one()
    {
        var storage = await OpenAsync();
        await storage.WriteAsync(new ReplicaWrite { HardState = Voted(4, votedFor: 3) });
        await storage.WriteAsync(new ReplicaWrite { Entries = Entries(1, 1, term: 4) });
        await underTest.CrashAsync();

        Assert.Equal(Voted(4, votedFor: 3), (await OpenAsync()).Recovered.HardState);
    }

    [Fact]
    public async Task Entries_replace_everything_from_their_first_index_on()
    {
        var storage = await OpenWithLogAsync(9);
        await storage.WriteAsync(new ReplicaWrite { Entries = Entries(4, 5, term: 2) });
        await underTest.CrashAsync();

        storage = await OpenAsync();
        AssertEntries([.. Entries(1, 3), .. Entries(4, 5, term: 2)], storage.Recovered.Entries);

        await storage.WriteAsync(new ReplicaWrite { Entries = Entries(6, 8, term: 3) });
        await underTest.CrashAsync();

        AssertEntries(
            [.. Entries(1, 3), .. Entries(4, 5, term: 2), .. Entries(6, 8, term: 3)], (await OpenAsync()).Recovered.Entries);
    }

    [Fact]
    public async Task The_whole_log_can_be_replaced()
    {
        var storage = await OpenWithLogAsync(5);
        await storage.WriteAsync(new ReplicaWrite { Entries = Entries(1, 1, term: 9) });
        await underTest.ReopenAsync();

        AssertEntries(Entries(1, 1, term: 9), (await OpenAsync()).Recovered.Entries);
    }

    [Fact]
    public async Task A_gap_is_refused_and_nothing_of_the_write_happens()
    {
        var storage = await OpenWithLogAsync(3);

        await Assert.ThrowsAsync<LogGapException>(async () => await storage.WriteAsync(
            new ReplicaWrite { HardState = Voted(8, votedFor: 2), Entries = Entries(5, 6) }));
        await underTest.CrashAsync();

        var recovered = (await OpenAsync()).Recovered;
        Assert.Equal(Voted(1, 1), recovered.HardState);
        AssertEntries(Entries(1, 3), recovered.Entries);
    }

    [Fact]
    public async Task Entries_of_one_write_are_contiguous()
    {
        var storage = await OpenAsync();

        await Assert.ThrowsAsync<RaftInvariantException>(async () => await storage.WriteAsync(
            new ReplicaWrite { Entries = [Entry(1), Entry(3)] }));
    }

    [Fact]
    public async Task An_unacknowledged_write_survives_a_crash_whole_or_not_at_all()
    {
        var storage = await OpenWithLogAsync(2);
        using var hold = underTest.HoldCommits();
        var write = storage.WriteAsync(new ReplicaWrite { HardState = Voted(6, votedFor: 3), Entries = Entries(3, 40, term: 6) }).AsTask();
        Assert.False(write.IsCompleted);
        await underTest.CrashAsync();
        hold.Dispose();
        await Record.ExceptionAsync(() => write);

        var recovered = (await OpenAsync()).Recovered;

        Assert.Equal(recovered.HardState == Voted(6, votedFor: 3) ? 40 : 2, recovered.Entries.Count);
    }

    [Fact]
    public async Task An_empty_write_completes()
    {
        var storage = await OpenAsync();
        await storage.WriteAsync(new ReplicaWrite());
        Assert.Empty((await OpenAsync()).Recovered.Entries);
    }

    [Fact]
    public async Task Large_entries_come_back_whole()
    {
        var payload = new byte[6 * 1024 * 1024];
        new Random(7).NextBytes(payload);
        var large = new LogEntry(new EntryId(new Term(1), new LogIndex(2)), EntryKind.Command, payload);
        var storage = await OpenAsync();
        await storage.WriteAsync(new ReplicaWrite { Entries = [Entry(1), large, Entry(3)] });
        await underTest.CrashAsync();

        AssertEntries([Entry(1), large, Entry(3)], (await OpenAsync()).Recovered.Entries);
    }

    [Fact]
    public async Task Many_entries_fit_in_one_write_and_come_back_in_order()
    {
        var storage = await OpenAsync();
        await storage.WriteAsync(new ReplicaWrite { Entries = Entries(1, 5000) });
        await underTest.CrashAsync();

        storage = await OpenAsync();
        AssertEntries(Entries(1, 5000), storage.Recovered.Entries);
        await storage.WriteAsync(new ReplicaWrite { Entries = Entries(2, 2, term: 2) });
        await underTest.CrashAsync();
        AssertEntries([Entry(1), Entry(2, term: 2)], (await OpenAsync()).Recovered.Entries);
    }

    [Fact]
    public async Task A_crash_after_a_crash_changes_nothing()
    {
        var storage = await OpenWithLogAsync(4);
        await storage.State.ApplyAsync(Batch(("a", "1")), new LogIndex(2));
        await storage.State.FlushAsync();
        await underTest.CrashAsync();
        await underTest.CrashAsync();

        storage = await OpenAsync();
        await underTest.CrashAsync();
        storage = await OpenAsync();
        Assert.Equal((Voted(1, 1), new LogIndex(2)), (storage.Recovered.HardState, storage.Recovered.Applied));
        AssertEntries(Entries(1, 4), storage.Recovered.Entries);
        Assert.Equal("a=1", await AllRowsAsync(storage));
    }

    [Fact]
    public async Task Replicas_do_not_see_each_others_logs()
    {
        var one = await OpenWithLogAsync(3);
        var other = await OpenAsync(OtherShard);
        await other.WriteAsync(new ReplicaWrite { Entries = Entries(1, 5, term: 4) });
        await one.WriteAsync(new ReplicaWrite { Entries = Entries(2, 2, term: 2) });
        await underTest.CrashAsync();

        AssertEntries([Entry(1), Entry(2, term: 2)], (await OpenAsync()).Recovered.Entries);
        AssertEntries(Entries(1, 5, term: 4), (await OpenAsync(OtherShard)).Recovered.Entries);
    }

    [Fact]
    public async Task Compaction_drops_entries_up_to_what_is_durably_applied()
    {
        var storage = await OpenWithLogAsync(10);
        await storage.State.ApplyAsync(Batch(("a", "1")), new LogIndex(6));
        await storage.State.FlushAsync();

        await storage.CompactToAsync(SnapshotAt(5, term: 1, 1, 2, 4));
        await storage.WriteAsync(new ReplicaWrite { Entries = Entries(11, 12) });
        await underTest.CrashAsync();

        var recovered = (await OpenAsync()).Recovered;
        Assert.Equal(SnapshotAt(5, term: 1, 1, 2, 4), recovered.Snapshot);
        AssertEntries(Entries(6, 12), recovered.Entries);
        Assert.Equal(new LogIndex(6), recovered.Applied);
    }

    [Fact]
    public async Task Nothing_is_compacted_that_a_crash_could_still_need()
    {
        var storage = await OpenWithLogAsync(10);
        await storage.State.ApplyAsync(Batch(("a", "1")), new LogIndex(4));
        await storage.State.FlushAsync();
        await storage.State.ApplyAsync(Batch(("a", "2")), new LogIndex(8));

        await storage.CompactToAsync(SnapshotAt(8));
        await underTest.CrashAsync();

        var recovered = (await OpenAsync()).Recovered;
        Assert.Equal(EntryId.Zero, recovered.Snapshot.LastIncluded);
        AssertEntries(Entries(1, 10), recovered.Entries);
        Assert.Equal(new LogIndex(4), recovered.Applied);
    }

    [Fact]
    public async Task Compaction_never_goes_back_and_compacted_entries_are_never_replaced()
    {
        var storage = await OpenWithLogAsync(10);
        await storage.State.ApplyAsync(Batch(), new LogIndex(10));
        await storage.State.FlushAsync();
        await storage.CompactToAsync(SnapshotAt(6));
        await storage.CompactToAsync(SnapshotAt(3));

        await Assert.ThrowsAsync<RaftInvariantException>(async () => await storage.WriteAsync(
            new ReplicaWrite { Entries = Entries(6, 7, term: 2) }));
        await Assert.ThrowsAsync<RaftInvariantException>(async () => await storage.CompactToAsync(SnapshotAt(8, term: 5)));
        await underTest.ReopenAsync();

        var recovered = (await OpenAsync()).Recovered;
        Assert.Equal(SnapshotAt(6), recovered.Snapshot);
        AssertEntries(Entries(7, 10), recovered.Entries);
    }

    [Fact]
    public async Task The_whole_log_can_be_compacted_and_goes_on()
    {
        var storage = await OpenWithLogAsync(4);
        await storage.State.ApplyAsync(Batch(), new LogIndex(4));
        await storage.State.FlushAsync();
        await storage.CompactToAsync(SnapshotAt(4));
        await underTest.CrashAsync();

        storage = await OpenAsync();
        Assert.Empty(storage.Recovered.Entries);
        await Assert.ThrowsAsync<LogGapException>(async () => await storage.WriteAsync(new ReplicaWrite { Entries = Entries(6, 6) }));
        await storage.WriteAsync(new ReplicaWrite { Entries = Entries(5, 5) });
        await underTest.CrashAsync();

        AssertEntries(Entries(5, 5), (await OpenAsync()).Recovered.Entries);
    }
}
