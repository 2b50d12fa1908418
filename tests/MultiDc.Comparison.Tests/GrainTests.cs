using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MultiDc.Comparison.Grain;
using MultiDc.Comparison.Servers.Grain;
using MultiDc.Host.Bench;
using TestServer = MultiDc.Testing.Postgres.PostgresServer;

namespace MultiDc.Comparison.Tests;

/// <summary>Grains with their state in a real PostgreSQL.</summary>
public sealed class GrainTests : IAsyncLifetime
{
    private static readonly byte[] Key = "bench/1"u8.ToArray();
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private TestServer server = null!;
    private IHost silo = null!;
    private GrainTarget target = null!;

    public async Task InitializeAsync()
    {
        server = await TestServer.StartAsync();
        var connection = server.ConnectionString(await server.CreateDatabaseAsync());
        var (ours, gateway) = FreePorts();
        silo = GrainSilo.Build(ours, gateway.Port, ours, connection);
        await silo.StartAsync();
        var processId = int.Parse((await server.PsqlAsync("postgres", "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)")), CultureInfo.InvariantCulture);
        target = await GrainTarget.ConnectAsync([gateway], new(connection, processId), Patience, CancellationToken.None);
    }

    public async Task DisposeAsync()
    {
        await target.DisposeAsync();
        await silo.StopAsync();
        silo.Dispose();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task What_was_put_is_got()
    {
        Assert.Equal(OperationOutcome.Absent, await target.GetAsync(0, Key, CancellationToken.None));
        Assert.Equal(OperationOutcome.Done, await target.PutAsync(0, Key, new byte[256], CancellationToken.None));
        Assert.Equal(OperationOutcome.Done, await target.GetAsync(0, Key, CancellationToken.None));
        Assert.Equal(OperationOutcome.Done, await target.PingAsync(0, CancellationToken.None));
    }

    [Fact]
    public async Task Silo_and_database_tell_what_they_have_used()
    {
        var before = await target.GetUsageAsync(CancellationToken.None);
        Assert.Equal(2, before.Count);
        await target.PutAsync(0, Key, new byte[256], CancellationToken.None);
        var use = ResourceUse.Between(before, await target.GetUsageAsync(CancellationToken.None));
        Assert.True(use!.AllocatedBytes > 256);
        Assert.NotNull(use.Flushes);
        Assert.Null(use.DiskBytes);
    }

    [Fact]
    public async Task A_value_that_was_not_stored_is_not_read()
    {
        var grain = silo.Services.GetRequiredService<IGrainFactory>().GetGrain<IEntryGrain>("bench/1");
        await grain.PutAsync([1]);
        await server.KillAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => grain.PutAsync([2]));
        await server.RestartAsync();
        Assert.Equal([1], await grain.GetAsync());
    }

    // Free a moment ago.
    private static (IPEndPoint Silo, IPEndPoint Gateway) FreePorts()
    {
        using var first = new TcpListener(IPAddress.Loopback, 0);
        using var second = new TcpListener(IPAddress.Loopback, 0);
        first.Start();
        second.Start();
        return ((IPEndPoint)first.LocalEndpoint, (IPEndPoint)second.LocalEndpoint);
    }
}
