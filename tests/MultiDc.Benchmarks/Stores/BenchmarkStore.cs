using MultiDc.Storage.Postgres;

namespace MultiDc.Benchmarks.Stores;

/// <summary>A store that can be measured.</summary>
/// <param name="Name">As <c>--store</c> names it.</param>
/// <param name="Keeps">Where its data is, and so what can be measured of it.</param>
/// <param name="OpenAsync">Opens it at a place, or creates it there.</param>
internal sealed record BenchmarkStore(string Name, Keeping Keeps, Func<StorePlace, Task<IReplicaStore>> OpenAsync)
{
    /// <summary>Every store there is: a new one is one line here. Its options are those of a silo.</summary>
    public static readonly IReadOnlyList<BenchmarkStore> All =
    [
        new("rocksdb", Keeping.InFolder, static async place => await RocksDbReplicaStore.OpenAsync(new() { Folder = place.Folder, ClusterId = "benchmark" })),
        new("postgres", Keeping.OnServer, static async place => await PostgresReplicaStore.OpenAsync(new() { ConnectionString = place.ConnectionString, ClusterId = "benchmark" })),
        new("memory", Keeping.InMemory, static _ => Task.FromResult<IReplicaStore>(new MemoryReplicaStore(new(new("benchmark", Guid.NewGuid()))))),
    ];
}

/// <summary>Where a store keeps its data.</summary>
internal enum Keeping
{
    /// <summary>Nowhere that outlives the process.</summary>
    InMemory,

    /// <summary>In the folder of its place, and nowhere else: it is copied and deleted with it.</summary>
    InFolder,

    /// <summary>On a server that the connection string of its place names.</summary>
    OnServer,
}

/// <summary>Where a store is to be opened.</summary>
/// <param name="Folder">For stores in a folder; may not exist yet.</param>
/// <param name="ConnectionString">For stores on a server (<c>--connection</c>).</param>
internal sealed record StorePlace(string Folder, string ConnectionString);
