using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;

namespace MultiDc.Storage.Postgres.Tests;

/// <summary>What the README shows of this store, word for word: the region is its block.</summary>
public sealed class ReadmeExampleTests
{
    [Fact]
    public async Task The_store_is_opened_and_registered_as_shown()
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(null);
        await RegisterAsync(builder, await PostgresTestStore.NewDatabaseAsync());
        using var host = builder.Build();

        await using var store = host.Services.GetRequiredService<IReplicaStore>();
        await store.PutRecordAsync("shown", "yes"u8.ToArray());
        Assert.NotNull(await store.GetRecordAsync("shown"));
    }

    private static async Task RegisterAsync(Microsoft.Extensions.Hosting.HostApplicationBuilder silo, string connectionString)
    {
        #region store
        var store = await PostgresReplicaStore.OpenAsync(new() { ConnectionString = connectionString, ClusterId = "shop" });
        silo.Services.AddSingleton<IReplicaStore>(_ => store);   // before UseMultiDc; multidc run: Silo:Store=Postgres, Silo:Postgres=...
        #endregion
    }
}
