using System.Globalization;
using MultiDc.Comparison.Postgres;
using MultiDc.Host.Bench;
using MultiDc.Host.CommandLine;
using Npgsql;
using TestServer = MultiDc.Testing.Postgres.PostgresServer;

namespace MultiDc.Comparison.Tests;

/// <summary>A table in a real PostgreSQL.</summary>
public sealed class PostgresTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly byte[] First = "bench/1"u8.ToArray(), Second = "bench/2"u8.ToArray();

    [Fact]
    public async Task What_was_put_is_got()
    {
        var server = await TestServer.SharedAsync();
        var (connection, measured) = await NewDatabaseAsync(server);
        await using var target = await PostgresTarget.ConnectAsync(connection, [measured], connections: 2, Patience, CancellationToken.None);
        Assert.Equal(OperationOutcome.Absent, await target.GetAsync(0, First, CancellationToken.None));
        Assert.Equal(OperationOutcome.Done, await target.PutAsync(0, First, new byte[] { 1 }, CancellationToken.None));
        Assert.Equal(OperationOutcome.Done, await target.PutAsync(0, First, new byte[] { 2 }, CancellationToken.None));
        Assert.Equal(OperationOutcome.Done, await target.GetAsync(0, First, CancellationToken.None));
        Assert.Equal(OperationOutcome.Absent, await target.GetAsync(0, Second, CancellationToken.None));
        Assert.Equal(OperationOutcome.Done, await target.ScanAsync(0, First, 10, CancellationToken.None));
        Assert.Equal(OperationOutcome.Done, await target.PingAsync(0, CancellationToken.None));
        Assert.Equal("\\x02", await server.PsqlAsync(new NpgsqlConnectionStringBuilder(connection).Database!, "SELECT value FROM entry"));
    }

    [Fact]
    public async Task A_server_tells_what_it_has_used()
    {
        var (connection, measured) = await NewDatabaseAsync(await TestServer.SharedAsync());
        await using var target = await PostgresTarget.ConnectAsync(connection, [measured], connections: 2, Patience, CancellationToken.None);
        var before = await target.GetUsageAsync(CancellationToken.None);
        await target.PutAsync(0, First, new byte[256], CancellationToken.None);
        var use = ResourceUse.Between(before, await target.GetUsageAsync(CancellationToken.None));
        Assert.NotNull(use!.Flushes);
        Assert.Null(use.AllocatedBytes);
        Assert.Null(use.DiskBytes);
    }

    [Fact]
    public async Task Without_its_standbys_it_is_not_measured()
    {
        var (connection, measured) = await NewDatabaseAsync(await TestServer.SharedAsync());
        await using var standby = new PostgresServer(connection, Environment.ProcessId);
        var refused = await Assert.ThrowsAsync<CommandException>(() => PostgresTarget.ConnectAsync(connection, [measured, standby], connections: 2, Patience, CancellationToken.None));
        Assert.Equal("there are 0 synchronous standbys, not 1", refused.Message);
        await measured.DisposeAsync();
    }

    [Theory]
    [InlineData("fsync = off", "fsync is off: what is acknowledged may be lost")]
    [InlineData("synchronous_commit = local", "synchronous_commit is local: what is acknowledged may be lost")]
    public async Task A_server_that_may_lose_what_it_acknowledged_is_not_measured(string setting, string complaint)
    {
        await using var server = await TestServer.StartAsync(setting);
        var (_, measured) = await NewDatabaseAsync(server);
        await using (measured)
        {
            Assert.Equal(complaint, (await Assert.ThrowsAsync<CommandException>(() => measured.RequireDurableAsync(synchronousStandbys: 0, CancellationToken.None))).Message);
        }
    }

    [Theory]
    [InlineData("23514", "rejected: 23514")]
    [InlineData("57014", "unknown: 57014")]
    [InlineData("57P01", "unknown: 57P01")]
    [InlineData("08006", "unknown: 08006")]
    [InlineData("40003", "unknown: 40003")]
    [InlineData("40001", "rejected: 40001")]
    public void What_the_server_says_of_a_failed_write(string state, string outcome) =>
        Assert.Equal(outcome, PostgresTarget.OutcomeOf(new PostgresException("no", "ERROR", "ERROR", state)).Failure);

    [Fact]
    public void A_write_without_an_answer_may_have_happened()
    {
        Assert.Equal("unknown: timeout", PostgresTarget.OutcomeOf(new NpgsqlException("no", new TimeoutException())).Failure);
        Assert.Equal("unknown: connection", PostgresTarget.OutcomeOf(new NpgsqlException("no")).Failure);
    }

    [Theory]
    [InlineData("Host=127.0.0.1;Port=5432", true)]
    [InlineData("Port=5432", false)]
    [InlineData("Host=a;Port=many", false)]
    [InlineData("Host=a;Harbour=1", false)]
    [InlineData("postgres://a", false)]
    [InlineData("", false)]
    public void A_connection_string_names_a_host(string text, bool does) => Assert.Equal(does, PostgresServer.IsConnectionString(text));

    private static async Task<(string ConnectionString, PostgresServer Measured)> NewDatabaseAsync(TestServer server)
    {
        var connection = server.ConnectionString(await server.CreateDatabaseAsync(withSchema: false));
        var processId = int.Parse(await server.PsqlAsync("postgres", "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"), CultureInfo.InvariantCulture);
        return (connection, new(connection, processId));
    }
}
