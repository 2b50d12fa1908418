using MultiDc.Testing.Cluster;
using MultiDc.Testing.Postgres;

namespace MultiDc.Storage.Postgres.Tests;

/// <summary>Databases that must not be used, and what is said of them.</summary>
public sealed class OpeningTests
{
    [Fact]
    public async Task A_database_without_the_schema_or_with_another_version_of_it_is_refused()
    {
        var server = await PostgresServer.SharedAsync();
        var name = await server.CreateDatabaseAsync(withSchema: false);
        await RefusedAsync(server, name, "has no schema multidc: apply infra/postgres/apply.sh to it first");

        await server.ApplyAsync(name);
        await using (var store = await PostgresTestStore.OpenAsync(server.ConnectionString(name)))
        {
            await store.AddRecordAsync("key", "value"u8.ToArray());
        }

        await server.ApplyAsync(name);
        await using (var store = await PostgresTestStore.OpenAsync(server.ConnectionString(name)))
        {
            Assert.Equal("value"u8.ToArray(), (await store.GetRecordAsync("key"))!.Value.ToArray());
        }

        await server.PsqlAsync(name, "UPDATE multidc.schema_version SET version = 2");
        await RefusedAsync(server, name, "has schema multidc of version 2, and this program knows 1");
        Assert.Contains("is of version 2", (await Assert.ThrowsAsync<InvalidOperationException>(() => server.ApplyAsync(name))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_of_another_cluster_is_refused()
    {
        var connectionString = await PostgresTestStore.NewDatabaseAsync();
        await (await PostgresTestStore.OpenAsync(connectionString)).DisposeAsync();
        var refused = await Assert.ThrowsAsync<StoreOpenException>(
            () => PostgresReplicaStore.OpenAsync(PostgresTestStore.Options(connectionString) with { ClusterId = "other" }));
        Assert.Contains("holds a store of cluster 'test', not of 'other'", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_took_the_place_of_the_one_that_was_known_is_refused_until_an_operator_vouches_for_it()
    {
        var server = await PostgresServer.SharedAsync();
        var name = await server.CreateDatabaseAsync();
        var store = await PostgresTestStore.OpenAsync(server.ConnectionString(name));
        var identity = store.Identity;
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(PostgresTestStore.Append(1, 1));

        // Also for a store that is open: it examines every connection it makes.
        await server.PsqlAsync(name, "UPDATE multidc.store SET timeline = timeline + 1");
        await server.PsqlAsync(name, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'multidc'");
        await Assert.ThrowsAnyAsync<IOException>(async () => await storage.WriteAsync(PostgresTestStore.Append(2, 2)));
        await Assert.ThrowsAsync<StoreFailedException>(async () => await store.OpenReplicaAsync());
        Assert.Equal(StoreHealth.Failed, store.Health);
        await store.DisposeAsync();
        await RefusedAsync(server, name, "is not the server that store");

        await server.PsqlAsync(name, "SELECT multidc.nothing_was_lost()");
        await using (store = await PostgresTestStore.OpenAsync(server.ConnectionString(name)))
        {
            Assert.Equal(identity, store.Identity);
        }

        await server.PsqlAsync(name, "UPDATE multidc.store SET system_identifier = system_identifier + 1");
        await RefusedAsync(server, name, "must not vote");
    }

    [Fact]
    public async Task A_server_that_does_not_flush_is_refused()
    {
        await using var server = await PostgresServer.StartAsync();
        var name = await server.CreateDatabaseAsync();
        await server.PsqlAsync(name, $"ALTER DATABASE {name} SET synchronous_commit = off");
        await RefusedAsync(server, name, "has synchronous_commit off");
        await server.PsqlAsync(name, $"ALTER DATABASE {name} RESET synchronous_commit");
        foreach (var setting in new[] { "fsync", "full_page_writes" })
        {
            await SetAsync(server, setting, "off");
            await RefusedAsync(server, name, $"has {setting} off");
            await SetAsync(server, setting, "on");
        }

        await (await PostgresTestStore.OpenAsync(server.ConnectionString(name))).DisposeAsync();
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_told_without_secrets()
    {
        var refused = await Assert.ThrowsAsync<StoreOpenException>(
            () => PostgresTestStore.OpenAsync("Host=/nowhere;Port=1;Username=me;Password=hush;Database=shop"));
        Assert.StartsWith("database shop on /nowhere:1 cannot be used", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hush", refused.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("hush", (await Assert.ThrowsAsync<ArgumentException>(() => PostgresTestStore.OpenAsync("Host=x;Password=hush;Nonsense=hush"))).ToString(), StringComparison.Ordinal);
    }

    private static async Task SetAsync(PostgresServer server, string setting, string value)
    {
        await server.PsqlAsync("postgres", $"ALTER SYSTEM SET {setting} = {value}");
        await server.PsqlAsync("postgres", "SELECT pg_reload_conf()");
        await Poll.UntilAsync(
            setting, () => server.PsqlAsync("postgres", $"SHOW {setting}"), now => now == value, static now => now, MultiDcTestCluster.Patience);
    }

    private static async Task RefusedAsync(PostgresServer server, string database, string reason)
    {
        var refused = await Assert.ThrowsAsync<StoreOpenException>(() => PostgresTestStore.OpenAsync(server.ConnectionString(database)));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }
}
