using Microsoft.Extensions.DependencyInjection;
using MultiDc.Testing.Postgres;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Serialization.Configuration;
using Orleans.Storage;
using Orleans.TestingHost;

namespace MultiDc.Storage.Postgres.Tests;

/// <summary>Microsoft.Orleans.Persistence.AdoNet over infra/postgres/02-orleans.sql.</summary>
public sealed class OrleansStorageTests : IAsyncLifetime
{
    private const string Name = "store";
    private static string connectionString = "";
    private TestCluster cluster = null!;
    private IGrainStorage storage = null!;

    public async Task InitializeAsync()
    {
        connectionString = await PostgresTestStore.NewDatabaseAsync();
        var builder = new TestClusterBuilder(1);
        builder.AddSiloBuilderConfigurator<Configurator>();
        cluster = builder.Build();
        await cluster.DeployAsync();
        storage = ((InProcessSiloHandle)cluster.Primary!).SiloHost.Services.GetRequiredKeyedService<IGrainStorage>(Name);
    }

    public async Task DisposeAsync() => await cluster.DisposeAsync();

    [Fact]
    public async Task Of_first_writes_at_the_same_time_one_wins()
    {
        for (var trial = 0; trial < 40; trial++)
        {
            var grain = GrainId.Create("first", $"{trial}");
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => WriteAsync(grain, new GrainState<Counter>(new() { Value = i }))));
            Assert.Single(outcomes, static won => won);
            Assert.Equal(Array.IndexOf(outcomes, true), (await ReadAsync(grain)).State!.Value);
        }
    }

    [Fact]
    public async Task Versions_count_and_stale_ones_conflict()
    {
        foreach (var grain in new[] { GrainId.Create(GrainType.Create("number"), GrainIdKeyExtensions.CreateIntegerKey(7)), GrainId.Create("text", "key"), GrainId.Create(GrainType.Create("both"), GrainIdKeyExtensions.CreateIntegerKey(7, "ext")) })
        {
            var state = await ReadAsync(grain);
            Assert.False(state.RecordExists);
            state.State!.Value = 1;
            Assert.True(await WriteAsync(grain, state));
            Assert.Equal("1", state.ETag);
            var stale = await ReadAsync(grain);
            state.State!.Value = 2;
            Assert.True(await WriteAsync(grain, state));
            Assert.Equal(("2", 2), ((await ReadAsync(grain)).ETag, (await ReadAsync(grain)).State!.Value));

            Assert.False(await WriteAsync(grain, stale));
            Assert.False(await WriteAsync(grain, new GrainState<Counter>(new())));
            await Assert.ThrowsAsync<InconsistentStateException>(() => storage.ClearStateAsync("counter", grain, stale));
            await storage.ClearStateAsync("counter", grain, state);
            var cleared = await ReadAsync(grain);
            Assert.False(cleared.RecordExists);
            Assert.Equal(0, cleared.State!.Value);
            Assert.False(await WriteAsync(grain, stale));
            cleared.State!.Value = 3;
            Assert.True(await WriteAsync(grain, cleared));
            Assert.Equal(3, (await ReadAsync(grain)).State!.Value);
        }
    }

    [Fact]
    public async Task Cleared_state_can_be_deleted()
    {
        var deleting = ((InProcessSiloHandle)cluster.Primary!).SiloHost.Services.GetRequiredKeyedService<IGrainStorage>("deleting");
        var grain = GrainId.Create("deleted", "key");
        var state = new GrainState<Counter>(new() { Value = 1 });
        await deleting.WriteStateAsync("counter", grain, state);
        await deleting.ClearStateAsync("counter", grain, state);
        var read = new GrainState<Counter>(new());
        await deleting.ReadStateAsync("counter", grain, read);
        Assert.False(read.RecordExists);
        Assert.True(await WriteAsync(grain, new GrainState<Counter>(new() { Value = 2 })));
    }

    private async Task<bool> WriteAsync(GrainId grain, GrainState<Counter> state)
    {
        try
        {
            await storage.WriteStateAsync("counter", grain, state);
            return true;
        }
        catch (InconsistentStateException)
        {
            return false;
        }
    }

    private async Task<GrainState<Counter>> ReadAsync(GrainId grain)
    {
        var state = new GrainState<Counter>(new());
        await storage.ReadStateAsync("counter", grain, state);
        return state;
    }

    public sealed class Counter
    {
        public int Value { get; set; }
    }

    private sealed class Configurator : ISiloConfigurator
    {
        public void Configure(ISiloBuilder siloBuilder)
        {
            siloBuilder.Configure<TypeManifestOptions>(static options => options.AllowAllTypes = true);
            siloBuilder.AddAdoNetGrainStorage(Name, static options => Set(options));
            siloBuilder.AddAdoNetGrainStorage("deleting", static options =>
            {
                Set(options);
                options.DeleteStateOnClear = true;
            });
        }

        private static void Set(AdoNetGrainStorageOptions options) => (options.Invariant, options.ConnectionString) = ("Npgsql", connectionString);
    }
}
