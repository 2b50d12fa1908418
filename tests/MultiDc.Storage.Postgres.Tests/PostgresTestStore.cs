using System.Text;
using MultiDc.Testing.Postgres;

namespace MultiDc.Storage.Postgres.Tests;

/// <summary>Short forms for tests of the PostgreSQL store alone.</summary>
internal static class PostgresTestStore
{
    public static readonly ReplicaName Shard = new("orders/1@east");
    public static readonly ReplicaFounding Founding = new(new GroupConfiguration([new ReplicaId(1), new ReplicaId(2), new ReplicaId(3)]));

    /// <summary>The connection string of a new database on the shared server.</summary>
    public static async Task<string> NewDatabaseAsync()
    {
        var server = await PostgresServer.SharedAsync();
        return server.ConnectionString(await server.CreateDatabaseAsync());
    }

    public static PostgresReplicaStoreOptions Options(string connectionString) => new() { ConnectionString = connectionString, ClusterId = "test" };

    public static Task<PostgresReplicaStore> OpenAsync(string connectionString) => PostgresReplicaStore.OpenAsync(Options(connectionString));

    public static async Task<IReplicaStorage> OpenReplicaAsync(this IReplicaStore store, ReplicaName? name = null) =>
        await store.OpenAsync(name ?? Shard, Founding) ?? throw new InvalidOperationException("the replica was not founded");

    public static LogEntry Entry(ulong index, string? payload = null, ulong term = 1) => new(
        new EntryId(new Term(term), new LogIndex(index)), EntryKind.Command, Encoding.UTF8.GetBytes(payload ?? $"command {index}"));

    public static ReplicaWrite Append(ulong first, ulong last) =>
        new() { Entries = [.. Enumerable.Range(0, (int)(last - first + 1)).Select(i => Entry(first + (ulong)i))] };

    public static SnapshotMetadata SnapshotAt(ulong index) => new(new EntryId(new Term(1), new LogIndex(index)), Founding.Configuration);

    public static StateBatch Put(string key, string value)
    {
        var batch = new StateBatch();
        batch.Changes.Add((Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value)));
        return batch;
    }

    public static async Task<string?> GetTextAsync(this IReplicaState state, string key) =>
        await state.GetAsync(Encoding.UTF8.GetBytes(key)) is { } value ? Encoding.UTF8.GetString(value.Span) : null;
}
