using System.Diagnostics;
using MultiDc.Testing.Cluster;
using MultiDc.Testing.Postgres;
using MultiDc.Testing.Storage;

namespace MultiDc.Storage.Postgres.Tests;

/// <summary>Two silos over one database: whoever opened a replica last writes it, also when the other was stopped in the middle of a write.</summary>
public sealed class FencingTests : IAsyncLifetime
{
    private const string AdvisoryWaiters = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    private PostgresServer server = null!;
    private string name = null!;
    private string connectionString = null!;
    private PostgresReplicaStore one = null!;
    private PostgresReplicaStore other = null!;

    public async Task InitializeAsync()
    {
        server = await PostgresServer.SharedAsync();
        name = await server.CreateDatabaseAsync();
        connectionString = server.ConnectionString(name);
        one = await PostgresTestStore.OpenAsync(connectionString);
        other = await PostgresTestStore.OpenAsync(connectionString);
    }

    public async Task DisposeAsync()
    {
        await one.DisposeAsync();
        await other.DisposeAsync();
    }

    [Fact]
    public void All_silos_see_one_store()
    {
        Assert.Equal(one.Identity, other.Identity);
        Assert.NotEqual(Guid.Empty, one.Identity.StoreId);
    }

    [Fact]
    public async Task An_opening_elsewhere_fences_everything_of_the_older_one()
    {
        var old = await one.OpenReplicaAsync();
        await old.WriteAsync(PostgresTestStore.Append(1, 3));
        var openings = await Task.WhenAll(Enumerable.Range(0, 6).Select(async _ =>
        {
            // Each in a store of its own would need six connections more; each in turn of one silo is fenced in the same way.
            var storage = await one.OpenReplicaAsync(new ReplicaName($"other/{Guid.NewGuid()}"));
            await storage.WriteAsync(PostgresTestStore.Append(1, 1));
            return storage;
        }));
        var latest = await other.OpenReplicaAsync();
        Assert.Equal(3, latest.Recovered.Entries.Count);

        await Assert.ThrowsAsync<FencedException>(async () => await (await StaleAsync()).ConfirmEpochAsync());
        await Assert.ThrowsAsync<FencedException>(async () => await old.WriteAsync(PostgresTestStore.Append(4, 4)));
        await Assert.ThrowsAsync<FencedException>(async () => await old.State.ApplyAsync(PostgresTestStore.Put("a", "old"), new LogIndex(1)));
        await latest.WriteAsync(PostgresTestStore.Append(4, 4));

        // The writes of other replicas that waited with the fenced one go through.
        await Task.WhenAll(openings.Select(storage => storage.WriteAsync(PostgresTestStore.Append(2, 2)).AsTask()));

        async Task<IReplicaStorage> StaleAsync()
        {
            var stale = await one.OpenReplicaAsync(new ReplicaName("stale"));
            await other.OpenReplicaAsync(new ReplicaName("stale"));
            return stale;
        }
    }

    [Fact]
    public async Task A_fenced_write_leaves_those_of_other_replicas_in_its_batch_alone()
    {
        var gate = new CommitGate();
        await using var store = await PostgresReplicaStore.OpenAsync(PostgresTestStore.Options(connectionString) with { BeforeCommit = gate.Pass });
        var old = await store.OpenReplicaAsync();
        var mates = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => store.OpenReplicaAsync(new ReplicaName($"mate/{i}"))));
        await other.OpenReplicaAsync();
        var hold = gate.Hold();
        var fenced = old.WriteAsync(PostgresTestStore.Append(1, 1)).AsTask();
        var writes = mates.Select(mate => mate.WriteAsync(PostgresTestStore.Append(1, 2)).AsTask()).ToArray();
        hold.Dispose();

        await Task.WhenAll(writes);
        await Assert.ThrowsAsync<FencedException>(() => fenced);
        Assert.Empty((await other.OpenReplicaAsync()).Recovered.Entries);
    }

    [Fact]
    public async Task State_of_a_fenced_opening_is_not_flushed_and_its_reads_and_views_are_refused()
    {
        var old = await one.OpenReplicaAsync();
        await old.WriteAsync(PostgresTestStore.Append(1, 3));
        await old.State.ApplyAsync(PostgresTestStore.Put("a", "old"), new LogIndex(1));
        using var view = old.State.OpenView();
        var staged = await old.State.StageAsync(PostgresTestStore.SnapshotAt(9));
        var latest = await other.OpenReplicaAsync();
        await latest.State.ApplyAsync(PostgresTestStore.Put("a", "new"), new LogIndex(2));
        await latest.State.FlushAsync();

        await Assert.ThrowsAsync<FencedException>(async () => await view.GetAsync("b"u8.ToArray()));
        await Assert.ThrowsAsync<FencedException>(async () => await staged.AddAsync([new StateRow("a"u8.ToArray(), "old"u8.ToArray())]));
        await Assert.ThrowsAsync<FencedException>(async () => await old.State.FlushAsync());
        await Assert.ThrowsAsync<FencedException>(async () => await old.State.GetAsync("b"u8.ToArray()));
        await old.DisposeAsync();
        var again = await one.OpenReplicaAsync();
        Assert.Equal((new LogIndex(2), "new"), (again.Recovered.Applied, await again.State.GetTextAsync("a")));
    }

    [Fact]
    public async Task A_write_held_up_before_the_database_saw_it_is_fenced()
    {
        var gate = new CommitGate();
        await using var paused = await PostgresReplicaStore.OpenAsync(PostgresTestStore.Options(connectionString) with { BeforeCommit = gate.Pass });
        var old = await paused.OpenReplicaAsync();
        var hold = gate.Hold();
        var write = old.WriteAsync(PostgresTestStore.Append(1, 5)).AsTask();
        var latest = await other.OpenReplicaAsync();
        await latest.WriteAsync(PostgresTestStore.Append(1, 1));
        hold.Dispose();

        await Assert.ThrowsAsync<FencedException>(() => write);
        Assert.Single((await one.OpenReplicaAsync()).Recovered.Entries);
    }

    [Fact]
    public async Task An_opening_waits_for_a_write_that_is_held_up_after_its_epoch_was_checked_and_recovers_it()
    {
        var old = await one.OpenReplicaAsync();
        await old.WriteAsync(PostgresTestStore.Append(1, 1));
        using var locked = Locked("LOCK TABLE multidc.log IN SHARE MODE");
        await LockingSession.UntilAsync(server, name, "SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND granted AND relation = 'multidc.log'::regclass");
        var write = old.WriteAsync(PostgresTestStore.Append(2, 2)).AsTask();
        await LockingSession.UntilAsync(server, name, "SELECT count(*) FROM pg_locks WHERE mode = 'RowExclusiveLock' AND NOT granted AND relation = 'multidc.log'::regclass");
        var opening = other.OpenReplicaAsync();
        await LockingSession.UntilAsync(server, name, AdvisoryWaiters);
        Assert.False(opening.IsCompleted);
        locked.Release();

        await write;
        var latest = await opening;
        Assert.Equal(2, latest.Recovered.Entries.Count);
        await Assert.ThrowsAsync<FencedException>(async () => await old.WriteAsync(PostgresTestStore.Append(3, 3)));
        await latest.WriteAsync(PostgresTestStore.Append(3, 3));
    }

    [Fact]
    public async Task A_process_that_was_stopped_in_the_middle_of_its_writes_gets_none_through_when_it_goes_on()
    {
        using var process = KillLoop.Start(connectionString);
        for (var acknowledged = 0; acknowledged < 200; acknowledged++)
        {
            Assert.NotNull(await process.StandardOutput.ReadLineAsync());
        }

        Signal(process, "STOP");
        var ours = new List<(ReplicaName Name, ulong Last)>();
        for (var replica = 0; replica < KillWorkload.Replicas; replica++)
        {
            var storage = (await one.OpenAsync(KillWorkload.Name(replica), KillWorkload.Founding))!;
            var last = storage.Recovered.Snapshot.LastIncluded.Index.Value + (ulong)storage.Recovered.Entries.Count;
            await storage.WriteAsync(new ReplicaWrite { Entries = [PostgresTestStore.Entry(last + 1, "ours", term: 2)] });
            ours.Add((storage.Replica, last + 1));
        }

        Signal(process, "CONT");
        await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(KillWriter.Fenced, process.ExitCode);
        foreach (var (replica, last) in ours)
        {
            var recovered = (await other.OpenAsync(replica, KillWorkload.Founding))!.Recovered;
            Assert.Equal(new EntryId(new Term(2), new LogIndex(last)), recovered.Entries[^1].Id);
        }
    }

    private static void Signal(Process process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"]);
        kill.WaitForExit();
    }

    private LockingSession Locked(string sql) => new(server, name, sql);

    /// <summary>A psql session that holds a lock until its input ends.</summary>
    private sealed class LockingSession : IDisposable
    {
        private readonly Process psql;

        public LockingSession(PostgresServer server, string database, string sql)
        {
            psql = Process.Start(new ProcessStartInfo("psql", ["--no-psqlrc", "-qAt", "-h", server.Folder, "-U", "multidc", "-d", database])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;
            psql.StandardInput.WriteLine($"BEGIN; {sql};");
            psql.StandardInput.Flush();
        }

        public static Task<string> UntilAsync(PostgresServer server, string database, string count) => Poll.UntilAsync(
            count, () => server.PsqlAsync(database, count), static found => found != "0", static found => found, MultiDcTestCluster.Patience);

        public void Release() => psql.StandardInput.Close();

        public void Dispose()
        {
            if (!psql.HasExited)
            {
                psql.StandardInput.Close();
                psql.WaitForExit();
            }

            psql.Dispose();
        }
    }
}
