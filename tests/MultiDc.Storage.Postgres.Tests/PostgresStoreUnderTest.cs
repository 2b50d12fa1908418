using MultiDc.Testing.Postgres;
using MultiDc.Testing.Storage;

namespace MultiDc.Storage.Postgres.Tests;

/// <summary>
/// A store in a database of its own on a real server. A crash is a store that writes nothing more, and another one beside it: what a killed
/// process leaves.
/// </summary>
internal sealed class PostgresStoreUnderTest : StoreUnderTest
{
    private readonly string connectionString;
    private CommitGate gate = new();
    private PostgresReplicaStore store = null!;

    private PostgresStoreUnderTest(string connectionString) => this.connectionString = connectionString;

    public override IReplicaStore Store => store;

    public override int Commits => gate.Commits;

    public static async Task<StoreUnderTest> CreateAsync()
    {
        var underTest = new PostgresStoreUnderTest(await PostgresTestStore.NewDatabaseAsync());
        await underTest.OpenAsync();
        return underTest;
    }

    public override async Task ReopenAsync()
    {
        await store.DisposeAsync();
        await OpenAsync();
    }

    public override async Task CrashAsync()
    {
        gate.Break();
        await store.AbandonAsync();
        await OpenAsync();
    }

    public override IDisposable HoldCommits() => gate.Hold();

    // Each store has a committer, and a gate, of its own.
    public override bool HoldsOneStoreOnly => true;

    public override async Task<IReplicaStore> OpenSecondAsync() => await PostgresReplicaStore.OpenAsync(PostgresTestStore.Options(connectionString));

    public override async ValueTask DisposeAsync()
    {
        gate.Open();
        await store.DisposeAsync();
    }

    private async Task OpenAsync()
    {
        gate = new CommitGate();
        store = await PostgresReplicaStore.OpenAsync(PostgresTestStore.Options(connectionString) with { BeforeCommit = gate.Pass });
    }
}

public sealed class PostgresReplicaStoreConformance : ReplicaStoreConformance
{
    protected override Task<StoreUnderTest> CreateAsync() => PostgresStoreUnderTest.CreateAsync();
}
