using System.Text;
using MultiDc.Raft;

namespace MultiDc.Storage.Tests;

/// <summary>Short forms for tests of the RocksDB store alone.</summary>
internal static class RocksDbTestStore
{
    public static readonly ReplicaName Shard = new("orders/1@east");
    public static readonly ReplicaFounding Founding = new(new GroupConfiguration([new ReplicaId(1), new ReplicaId(2), new ReplicaId(3)]));

    public static RocksDbReplicaStoreOptions Options(string folder) => new()
    {
        Folder = folder,
        ClusterId = "test",
        CacheBytes = 16 * 1024 * 1024,
        WriteBufferBytes = 8 * 1024 * 1024,
        FreeSpaceProbe = () => long.MaxValue,
    };

    public static Task<RocksDbReplicaStore> OpenAsync(string folder) => RocksDbReplicaStore.OpenAsync(Options(folder));

    public static async Task<IReplicaStorage> OpenReplicaAsync(this IReplicaStore store, ReplicaName? name = null) =>
        await store.OpenAsync(name ?? Shard, Founding) ?? throw new InvalidOperationException("the replica was not founded");

    public static LogEntry Entry(ulong index, string? payload = null) => new(
        new EntryId(new Term(1), new LogIndex(index)), EntryKind.Command, Encoding.UTF8.GetBytes(payload ?? $"command {index}"));

    public static ReplicaWrite Append(ulong first, ulong last) =>
        new() { Entries = [.. Enumerable.Range(0, (int)(last - first + 1)).Select(i => Entry(first + (ulong)i))] };

    public static StateBatch Put(string key, string value)
    {
        var batch = new StateBatch();
        batch.Changes.Add((Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value)));
        return batch;
    }
}
