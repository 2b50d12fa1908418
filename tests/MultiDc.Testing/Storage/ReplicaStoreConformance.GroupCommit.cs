using MultiDc.Raft;
using MultiDc.Storage;

namespace MultiDc.Testing.Storage;

// One commit for all who wait, answered in call order.
public abstract partial class ReplicaStoreConformance
{
    [Fact]
    public async Task Writes_of_many_replicas_that_wait_share_a_commit()
    {
        const int replicas = 200;
        var storages = await Task.WhenAll(Enumerable.Range(0, replicas).Select(i => OpenAsync(new ReplicaName($"orders/{i}@east"))));
        var before = underTest.Commits;

        var hold = underTest.HoldCommits();
        var writes = storages.Select(storage => storage.WriteAsync(new ReplicaWrite { Entries = Entries(1, 3) }).AsTask()).ToArray();
        hold.Dispose();
        await Task.WhenAll(writes);

        Assert.InRange(underTest.Commits - before, 1, 2);
        await underTest.CrashAsync();
        foreach (var storage in await Task.WhenAll(Enumerable.Range(0, replicas).Select(i => OpenAsync(new ReplicaName($"orders/{i}@east")))))
        {
            AssertEntries(Entries(1, 3), storage.Recovered.Entries);
        }
    }

    [Fact]
    public async Task Nothing_is_acknowledged_before_its_commit()
    {
        var storage = await OpenAsync();
        var hold = underTest.HoldCommits();
        var commits = underTest.Commits;
        Task[] waiting =
        [
            storage.WriteAsync(new ReplicaWrite { Entries = Entries(1, 1) }).AsTask(),
            storage.WriteAsync(new ReplicaWrite { HardState = Voted(1, 1) }).AsTask(),
            Store.AddRecordAsync("key", Bytes("value")).AsTask(),
            OpenAsync(OtherShard),
        ];

        Assert.All(waiting, task => Assert.False(task.IsCompleted));
        hold.Dispose();
        await Task.WhenAll(waiting);
        Assert.NotEqual(commits, underTest.Commits);
    }

    [Fact]
    public async Task Answers_come_in_call_order_refusals_included()
    {
        var fenced = await OpenAsync();
        var one = await OpenAsync();
        var other = await OpenAsync(OtherShard);
        var hold = underTest.HoldCommits();
        Task[] answers =
        [
            one.WriteAsync(new ReplicaWrite { Entries = Entries(1, 2) }).AsTask(),
            fenced.WriteAsync(new ReplicaWrite { Entries = Entries(1, 2) }).AsTask(),
            other.WriteAsync(new ReplicaWrite { Entries = Entries(1, 1) }).AsTask(),
            other.WriteAsync(new ReplicaWrite { Entries = Entries(5, 5) }).AsTask(),
            one.WriteAsync(new ReplicaWrite { Entries = Entries(3, 3) }).AsTask(),
            other.WriteAsync(new ReplicaWrite { Entries = Entries(2, 2) }).AsTask(),
        ];
        hold.Dispose();

        // A call's own task, without a wrapper that would complete on its own time.
        await answers[^1];
        Assert.All(answers, answer => Assert.True(answer.IsCompleted));
        Assert.IsType<FencedException>(answers[1].Exception!.InnerException);
        Assert.IsType<LogGapException>(answers[3].Exception!.InnerException);
        Assert.Equal(4, answers.Count(answer => answer.IsCompletedSuccessfully));
        Assert.Equal(3, (await OpenAsync()).Recovered.Entries.Count);
        Assert.Equal(2, (await OpenAsync(OtherShard)).Recovered.Entries.Count);
    }

    [Fact]
    public async Task Calls_on_one_replica_take_effect_in_call_order()
    {
        var storage = await OpenAsync();
        var hold = underTest.HoldCommits();
        Task[] writes =
        [
            storage.WriteAsync(new ReplicaWrite { HardState = Voted(1, 1), Entries = Entries(1, 5) }).AsTask(),
            storage.WriteAsync(new ReplicaWrite { HardState = Voted(2, 2), Entries = Entries(3, 4, term: 2) }).AsTask(),
            storage.WriteAsync(new ReplicaWrite { Entries = Entries(5, 6, term: 2) }).AsTask(),
            storage.WriteAsync(new ReplicaWrite { HardState = Voted(3, 1), Entries = Entries(6, 6, term: 3) }).AsTask(),
        ];
        hold.Dispose();
        await Task.WhenAll(writes);
        await underTest.CrashAsync();

        var recovered = (await OpenAsync()).Recovered;
        Assert.Equal(Voted(3, 1), recovered.HardState);
        AssertEntries([.. Entries(1, 2), .. Entries(3, 5, term: 2), Entry(6, term: 3)], recovered.Entries);
    }

    [Fact]
    public async Task A_caller_that_gives_up_waiting_is_told_at_once()
    {
        var storage = await OpenAsync();
        using var hold = underTest.HoldCommits();
        using var cancellation = new CancellationTokenSource();
        var write = storage.WriteAsync(new ReplicaWrite { Entries = Entries(1, 1) }, cancellation.Token).AsTask();
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => write);
    }

    [Fact]
    public async Task A_closed_store_answers_nobody()
    {
        var store = Store;
        var storage = await OpenWithLogAsync(1);
        await underTest.ReopenAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await storage.WriteAsync(new ReplicaWrite { Entries = Entries(2, 2) }));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await storage.State.ApplyAsync(Batch(), new LogIndex(1)));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await store.OpenAsync(Shard, Founding));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await store.GetRecordAsync("key"));
        await storage.DisposeAsync();
        await store.DisposeAsync();
    }

    [Fact]
    public async Task The_identity_stays()
    {
        var identity = Store.Identity;
        await underTest.ReopenAsync();
        Assert.Equal(identity, Store.Identity);
        await underTest.CrashAsync();
        Assert.Equal(identity, Store.Identity);
        Assert.NotEqual(Guid.Empty, identity.StoreId);
        Assert.Equal(StoreHealth.Ok, Store.Health);
    }

    [Fact]
    public async Task A_record_is_added_once_and_kept()
    {
        Assert.Null(await Store.GetRecordAsync("founding/orders"));

        Assert.Equal("first", Text(await Store.AddRecordAsync("founding/orders", Bytes("first"))));
        Assert.Equal("first", Text(await Store.AddRecordAsync("founding/orders", Bytes("second"))));
        Assert.Equal("", Text(await Store.AddRecordAsync("empty", default)));
        await underTest.CrashAsync();

        Assert.Equal("first", Text((await Store.GetRecordAsync("founding/orders"))!.Value));
        Assert.Equal("first", Text(await Store.AddRecordAsync("founding/orders", Bytes("third"))));
        Assert.Equal(0, (await Store.GetRecordAsync("empty"))!.Value.Length);
        Assert.Null(await Store.GetRecordAsync("founding"));
    }

    [Fact]
    public async Task Of_records_added_at_the_same_time_one_wins_for_all()
    {
        var hold = underTest.HoldCommits();
        var adds = Enumerable.Range(0, 20).Select(i => Store.AddRecordAsync("key", Bytes($"value {i}")).AsTask()).ToArray();
        hold.Dispose();

        Assert.Equal(["value 0"], (await Task.WhenAll(adds)).Select(Text).Distinct());
        await underTest.CrashAsync();
        Assert.Equal("value 0", Text((await Store.GetRecordAsync("key"))!.Value));
    }

    [Fact]
    public async Task A_record_is_put_over_what_its_key_holds()
    {
        await Store.PutRecordAsync("put", Bytes("first"));
        Assert.Equal("first", Text(await Store.AddRecordAsync("put", Bytes("added"))));
        await Store.AddRecordAsync("added", Bytes("added"));
        await Store.PutRecordAsync("added", Bytes("put"));
        await Store.PutRecordAsync("put", Bytes("second"));
        await Store.PutRecordAsync("other", default);
        Assert.Equal("second", Text((await Store.GetRecordAsync("put"))!.Value));
        await underTest.CrashAsync();

        Assert.Equal("second", Text((await Store.GetRecordAsync("put"))!.Value));
        Assert.Equal("put", Text((await Store.GetRecordAsync("added"))!.Value));
        Assert.Equal(0, (await Store.GetRecordAsync("other"))!.Value.Length);
        Assert.Equal("second", Text(await Store.AddRecordAsync("put", Bytes("third"))));
    }

    [Fact]
    public async Task Of_records_put_at_the_same_time_the_last_one_stays()
    {
        var hold = underTest.HoldCommits();
        var puts = Enumerable.Range(0, 20).Select(i => Store.PutRecordAsync("key", Bytes($"value {i}")).AsTask()).ToArray();
        var add = Store.AddRecordAsync("key", Bytes("added")).AsTask();
        hold.Dispose();

        await Task.WhenAll(puts);
        Assert.Equal("value 19", Text(await add));
        await underTest.CrashAsync();
        Assert.Equal("value 19", Text((await Store.GetRecordAsync("key"))!.Value));
    }

    [Fact]
    public async Task Names_and_records_have_limits()
    {
        await Assert.ThrowsAsync<ArgumentException>(async () => await Store.PutRecordAsync(new string('k', 513), default));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.PutRecordAsync("key", new byte[4097]));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Store.AddRecordAsync(new string('k', 513), default));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.AddRecordAsync("key", new byte[4097]));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Store.GetRecordAsync(""));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Store.OpenAsync(new ReplicaName(new string('r', 257)), Founding));
        Assert.Equal(4096, (await Store.AddRecordAsync(new string('k', 512), new byte[4096])).Length);
    }
}
