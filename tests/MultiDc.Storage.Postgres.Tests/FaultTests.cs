using MultiDc.Testing.Cluster;
using MultiDc.Testing.Postgres;

namespace MultiDc.Storage.Postgres.Tests;

/// <summary>Lost connections, a full database, damaged records.</summary>
public sealed class FaultTests : IAsyncLifetime
{
    private PostgresServer server = null!;
    private string name = null!;
    private PostgresReplicaStore store = null!;

    public async Task InitializeAsync()
    {
        server = await PostgresServer.SharedAsync();
        name = await server.CreateDatabaseAsync();
        store = await PostgresTestStore.OpenAsync(server.ConnectionString(name));
    }

    public async Task DisposeAsync() => await store.DisposeAsync();

    [Fact]
    public async Task A_write_whose_outcome_is_not_known_ends_its_opening_and_the_store_goes_on()
    {
        var storage = await store.OpenReplicaAsync();
        var bystander = await store.OpenReplicaAsync(new ReplicaName("bystander"));
        await storage.WriteAsync(PostgresTestStore.Append(1, 1));
        await TerminateAsync();

        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await storage.WriteAsync(PostgresTestStore.Append(2, 2)));
        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await storage.WriteAsync(PostgresTestStore.Append(2, 2)));
        await bystander.WriteAsync(PostgresTestStore.Append(1, 1));

        storage = await store.OpenReplicaAsync();
        var last = (ulong)storage.Recovered.Entries.Count;
        Assert.InRange(last, 1UL, 2UL);
        await storage.WriteAsync(PostgresTestStore.Append(last + 1, last + 1));
        Assert.Equal(StoreHealth.Ok, store.Health);
    }

    [Fact]
    public async Task Without_a_server_everything_is_unavailable_and_works_again_when_it_is_back()
    {
        await using var own = await PostgresServer.StartAsync();
        await using var lost = await PostgresTestStore.OpenAsync(own.ConnectionString(await own.CreateDatabaseAsync()));
        var storage = await lost.OpenReplicaAsync();
        await storage.WriteAsync(PostgresTestStore.Append(1, 3));
        await storage.State.ApplyAsync(PostgresTestStore.Put("a", "1"), new LogIndex(3));
        await own.KillAsync();

        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await storage.ConfirmEpochAsync());
        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await storage.State.FlushAsync());
        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await storage.WriteAsync(PostgresTestStore.Append(4, 4)));
        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await lost.OpenReplicaAsync());
        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await lost.GetRecordAsync("key"));
        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await lost.AddRecordAsync("key", default));
        Assert.Equal(StoreHealth.Unavailable, lost.Health);
        await storage.DisposeAsync();

        await own.RestartAsync();
        storage = await lost.OpenReplicaAsync();
        Assert.Equal(3, storage.Recovered.Entries.Count);
        await storage.WriteAsync(PostgresTestStore.Append(4, 4));
        Assert.Equal(StoreHealth.Ok, lost.Health);
    }

    [Fact]
    public async Task Without_space_writes_are_refused_reads_go_on_and_the_opening_stays()
    {
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(PostgresTestStore.Append(1, 3));
        await storage.State.ApplyAsync(PostgresTestStore.Put("a", "1"), new LogIndex(3));
        await storage.State.FlushAsync();

        // What the server says when a table cannot grow.
        await server.PsqlAsync(name, """
            CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
            CREATE TRIGGER no_space BEFORE INSERT ON multidc.log EXECUTE FUNCTION no_space()
            """);
        await Assert.ThrowsAsync<StoreFullException>(async () => await storage.WriteAsync(PostgresTestStore.Append(4, 4)));
        Assert.Equal(StoreHealth.ReadOnly, store.Health);
        Assert.Equal("1", await storage.State.GetTextAsync("a"));
        await storage.ConfirmEpochAsync();
        await storage.CompactToAsync(PostgresTestStore.SnapshotAt(2));

        await server.PsqlAsync(name, "DROP TRIGGER no_space ON multidc.log");
        await storage.WriteAsync(PostgresTestStore.Append(4, 4));
        Assert.Equal(StoreHealth.Ok, store.Health);
        Assert.Equal([3UL, 4UL], (await store.OpenReplicaAsync()).Recovered.Entries.Select(static entry => entry.Index.Value));
    }

    [Theory]
    [InlineData("UPDATE multidc.log SET entry = set_byte(entry, 30, get_byte(entry, 30) # 1) WHERE index = 2", "log/1/2")]
    [InlineData("UPDATE multidc.log SET entry = substr(entry, 1, length(entry) - 1) WHERE index = 2", "log/1/2")]
    [InlineData("DELETE FROM multidc.log WHERE index = 2", "log/1/2")]
    [InlineData("UPDATE multidc.log SET entry = (SELECT entry FROM multidc.log WHERE index = 1) WHERE index = 2", "log/1/2")]
    [InlineData("DELETE FROM multidc.log WHERE index >= 2", "log/1/2")]
    [InlineData("UPDATE multidc.replica SET hard_state = set_byte(hard_state, 3, 7)", "replica/1")]
    [InlineData("UPDATE multidc.replica SET log_start = set_byte(log_start, 3, 7)", "replica/1")]
    [InlineData("UPDATE multidc.replica SET start_index = 1", "replica/1")]
    [InlineData("UPDATE multidc.replica SET record = set_byte(record, 3, 7)", "replica/1")]
    [InlineData("UPDATE multidc.replica SET generation = 2", "replica/1")]
    [InlineData("UPDATE multidc.applied SET record = set_byte(record, 3, 7)", "applied/1/1")]
    public async Task A_damaged_record_is_noticed_when_the_replica_opens(string damage, string key)
    {
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(PostgresTestStore.Append(1, 3));
        await storage.State.ApplyAsync(PostgresTestStore.Put("a", "1"), new LogIndex(2));
        await storage.State.FlushAsync();
        await server.PsqlAsync(name, damage);

        var corrupted = await Assert.ThrowsAsync<StoreCorruptedException>(async () => await store.OpenReplicaAsync());
        Assert.Equal((PostgresTestStore.Shard, key), (corrupted.Replica!.Value, corrupted.Key));
        Assert.Equal(StoreHealth.Ok, store.Health);
    }

    [Theory]
    [InlineData("UPDATE multidc.state SET value = set_byte(value, 0, get_byte(value, 0) # 1)")]
    [InlineData("UPDATE multidc.state SET value = substr(value, 1, 2)")]
    [InlineData("DELETE FROM multidc.state WHERE key = 'b'; UPDATE multidc.state SET key = 'b'")]
    public async Task A_damaged_row_is_noticed_when_it_is_read(string damage)
    {
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(PostgresTestStore.Append(1, 3));
        await storage.State.ApplyAsync(PostgresTestStore.Put("a", "1"), new LogIndex(1));
        await storage.State.ApplyAsync(PostgresTestStore.Put("b", "1"), new LogIndex(2));
        await storage.State.FlushAsync();
        await server.PsqlAsync(name, damage);

        await Assert.ThrowsAsync<StoreCorruptedException>(async () => await storage.State.GetTextAsync("b"));
        using var view = storage.State.OpenView();
        await Assert.ThrowsAsync<StoreCorruptedException>(async () =>
        {
            await foreach (var row in view.ScanAsync(default, null))
            {
            }
        });
    }

    [Fact]
    public async Task A_damaged_small_record_is_noticed()
    {
        await store.AddRecordAsync("key", "value"u8.ToArray());
        await server.PsqlAsync(name, "UPDATE multidc.record SET value = set_byte(value, 2, 0)");
        Assert.Equal("record/key", (await Assert.ThrowsAsync<StoreCorruptedException>(async () => await store.GetRecordAsync("key"))).Key);
        await Assert.ThrowsAsync<StoreCorruptedException>(async () => await store.AddRecordAsync("key", default));
    }

    [Fact]
    public async Task A_database_that_has_forgotten_an_epoch_fails_the_store_for_good()
    {
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(PostgresTestStore.Append(1, 1));
        await server.PsqlAsync(name, "DELETE FROM multidc.replica");
        await Assert.ThrowsAsync<StoreFailedException>(async () => await storage.WriteAsync(PostgresTestStore.Append(2, 2)));
        Assert.Equal(StoreHealth.Failed, store.Health);
        await Assert.ThrowsAsync<StoreFailedException>(async () => await store.OpenReplicaAsync());
    }

    [Fact]
    public async Task Replaced_and_abandoned_snapshots_leave_no_rows_behind()
    {
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(PostgresTestStore.Append(1, 1));
        for (var index = 10UL; index <= 30; index += 10)
        {
            var staged = await storage.State.StageAsync(PostgresTestStore.SnapshotAt(index));
            await staged.AddAsync([new StateRow("a"u8.ToArray(), "1"u8.ToArray())]);
            staged = await storage.State.StageAsync(PostgresTestStore.SnapshotAt(index));
            await staged.AddAsync([new StateRow("a"u8.ToArray(), "2"u8.ToArray())]);
            await storage.WriteAsync(new ReplicaWrite { Install = staged });
        }

        foreach (var table in new[] { "state", "applied" })
        {
            await Poll.UntilAsync(
                $"one row in {table}", () => server.PsqlAsync(name, $"SELECT count(*) FROM multidc.{table}"), static count => count == "1", static count => count,
                MultiDcTestCluster.Patience);
        }
    }

    private Task TerminateAsync() => server.PsqlAsync(
        name, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'multidc'");
}
