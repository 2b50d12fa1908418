using MultiDc.Host.Bench;
using Npgsql;

namespace MultiDc.Comparison.Postgres;

/// <summary>
/// A table in PostgreSQL, read and written on the primary, through a bounded pool of connections that logical clients take by turns: a connection has one statement
/// under way.
/// </summary>
internal sealed class PostgresTarget : IBenchTarget, IAsyncDisposable
{
    // Updates find room on the row's page, which spares the index.
    private const string CreateTable = "CREATE TABLE IF NOT EXISTS entry (key bytea PRIMARY KEY, value bytea NOT NULL) WITH (fillfactor = 70)";
    private const string Upsert = "INSERT INTO entry (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    private const string Select = "SELECT value FROM entry WHERE key = $1";
    private const string SelectFrom = "SELECT key, value FROM entry WHERE key > $1 ORDER BY key LIMIT $2";

    private readonly IReadOnlyList<PostgresServer> servers;
    private readonly NpgsqlDataSource source;

    private PostgresTarget(IReadOnlyList<PostgresServer> servers, NpgsqlDataSource source) => (this.servers, this.source) = (servers, source);

    public string Name => "postgres";

    /// <summary>Connects.</summary>
    /// <param name="primary">Npgsql's connection string.</param>
    /// <param name="servers">The primary first; all others are its synchronous standbys.</param>
    /// <param name="connections">At most, to the primary.</param>
    /// <param name="timeout">When an operation is given up, and when the wait for a connection is.</param>
    /// <param name="cancellationToken">The user gave up.</param>
    public static async Task<PostgresTarget> ConnectAsync(
        string primary, IReadOnlyList<PostgresServer> servers, int connections, TimeSpan timeout, CancellationToken cancellationToken)
    {
        await servers[0].RequireDurableAsync(synchronousStandbys: servers.Count - 1, cancellationToken).ConfigureAwait(false);
        var seconds = (int)Math.Ceiling(timeout.TotalSeconds);
        var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(primary)
        {
            MaxPoolSize = connections,
            CommandTimeout = seconds,
            Timeout = seconds,

            // The few statements there are, parsed once in each connection; nothing in a session is ever to be reset.
            MaxAutoPrepare = 10,
            AutoPrepareMinUsages = 1,
            NoResetOnClose = true,
        });
        await using var command = source.CreateCommand(CreateTable);
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        return new(servers, source);
    }

    public async ValueTask<OperationOutcome> PutAsync(int client, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken)
    {
        try
        {
            await using var command = Command(Upsert, key);
            command.Parameters.Add(new NpgsqlParameter<ReadOnlyMemory<byte>> { TypedValue = value });
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            return OperationOutcome.Done;
        }
        catch (NpgsqlException exception) when (!cancellationToken.IsCancellationRequested)
        {
            return OutcomeOf(exception);
        }
    }

    public async ValueTask<OperationOutcome> GetAsync(int client, ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        try
        {
            await using var command = Command(Select, key);
            return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) is null ? OperationOutcome.Absent : OperationOutcome.Done;
        }
        catch (NpgsqlException exception) when (!cancellationToken.IsCancellationRequested)
        {
            return new($"rejected: {NameOf(exception)}");
        }
    }

    public async ValueTask<OperationOutcome> ScanAsync(int client, ReadOnlyMemory<byte> after, int limit, CancellationToken cancellationToken)
    {
        try
        {
            await using var command = Command(SelectFrom, after);
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = limit });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                _ = reader.GetFieldValue<byte[]>(1);
            }

            return OperationOutcome.Done;
        }
        catch (NpgsqlException exception) when (!cancellationToken.IsCancellationRequested)
        {
            return new($"rejected: {NameOf(exception)}");
        }
    }

    public async ValueTask<OperationOutcome> PingAsync(int client, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand("SELECT 1");
        await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false);
        return OperationOutcome.Done;
    }

    public async Task<IReadOnlyList<ServerUsage>> GetUsageAsync(CancellationToken cancellationToken) =>
        await Task.WhenAll(servers.Select(server => server.GetUsageAsync(cancellationToken))).ConfigureAwait(false);

    public async ValueTask DisposeAsync()
    {
        await source.DisposeAsync().ConfigureAwait(false);
        foreach (var server in servers)
        {
            await server.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>How a statement ended that failed.</summary>
    public static OperationOutcome OutcomeOf(NpgsqlException exception) => exception is PostgresException { SqlState: var state } && !MayHaveCommitted(state)
        ? new($"rejected: {state}")
        : new($"unknown: {NameOf(exception)}");

    // 08: connections. 57: the operator or a shutdown ended it, which may be while it waits for the standbys, when the primary has committed it. 40003: so it says.
    private static bool MayHaveCommitted(string state) => state.StartsWith("08", StringComparison.Ordinal) || state.StartsWith("57", StringComparison.Ordinal) || state == "40003";

    private static string NameOf(NpgsqlException exception) => exception switch
    {
        PostgresException postgres => postgres.SqlState,
        { InnerException: TimeoutException } => "timeout",
        _ => "connection",
    };

    private NpgsqlCommand Command(string sql, ReadOnlyMemory<byte> key)
    {
        var command = source.CreateCommand(sql);
        command.Parameters.Add(new NpgsqlParameter<ReadOnlyMemory<byte>> { TypedValue = key });
        return command;
    }
}
