using System.Buffers.Binary;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace MultiDc.Storage.Postgres;

/// <summary>
/// The connections to the database, and whether they may be used. Each is examined when it is made: a server that does not flush, or that
/// is not the one whose promises this store remembers, is never written to, also when it takes the other's place later.
/// </summary>
internal sealed class PostgresDatabase : IAsyncDisposable
{
    private const int SchemaVersion = 1;

    // Beside the committer, the flusher and the two readers. A silo that opens a thousand replicas at once takes its time, not a thousand
    // connections; and who waits for one does not run into a timeout.
    private const int MaxErrands = 8;
    private const int MaxConnections = MaxErrands + 4;

    // A batch touches a few rows by their keys, whatever the planner believes about the tables' sizes.
    private const string SessionSettings =
        "SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = off; SET jit = off; "
        + "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET plan_cache_mode = force_generic_plan; "
        + "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; ";

    private const string Examination = """
        SELECT current_setting('synchronous_commit'), current_setting('fsync'), current_setting('full_page_writes'),
            pg_is_in_recovery(), current_setting('server_encoding'), to_regclass('multidc.schema_version') IS NOT NULL
        """;

    private const string Reading = """
        SELECT v.version, s.identity, s.system_identifier, s.timeline, c.system_identifier, multidc.timeline()
        FROM multidc.schema_version v LEFT JOIN multidc.store s ON true, pg_control_system() c
        """;

    private readonly ILogger logger;
    private readonly StoreFailure failure;
    private readonly string clusterId;
    private readonly SemaphoreSlim views;
    private readonly SemaphoreSlim errands = new(MaxErrands);
    private StoreIdentity? identity;
    private int health;

    public PostgresDatabase(PostgresReplicaStoreOptions options, StoreFailure failure, ILogger logger)
    {
        this.logger = logger;
        this.failure = failure;
        clusterId = options.ClusterId;
        Description = Describe(options.ConnectionString);
        views = new(options.MaxOpenViews);
        var connection = new NpgsqlConnectionStringBuilder(options.ConnectionString)
        {
            Multiplexing = false,
            Pooling = true,
            Enlist = false,
            NoResetOnClose = true,
            MinPoolSize = 0,
            CommandTimeout = (int)options.StatementTimeout.TotalSeconds,
            Timeout = (int)options.ConnectTimeout.TotalSeconds,
            MaxAutoPrepare = 16,
            AutoPrepareMinUsages = 2,
            MaxPoolSize = MaxConnections,
        };
        connection.ApplicationName ??= "multidc";
        Source = Build(connection);
        connection.MaxPoolSize = options.MaxOpenViews;
        viewSource = Build(connection);
    }

    private readonly NpgsqlDataSource viewSource;

    /// <summary>Where the database is, for messages; no secrets.</summary>
    public string Description { get; }

    public NpgsqlDataSource Source { get; }

    public StoreIdentity Identity => identity ?? throw new InvalidOperationException("the database was not examined");

    /// <summary>Without what only <see cref="StoreFailure"/> knows.</summary>
    public StoreHealth Health => (StoreHealth)Volatile.Read(ref health);

    /// <summary>Host and database of a connection string.</summary>
    public static string Describe(string connectionString)
    {
        var connection = new NpgsqlConnectionStringBuilder(connectionString);
        return $"database {connection.Database ?? connection.Username} on {connection.Host}:{connection.Port}";
    }

    /// <summary>Connects for the first time, and writes who the store is if nobody did.</summary>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            PostgresLog.Opened(logger, Identity.StoreId, Identity.ClusterId, Description);
        }
        catch (Exception exception) when (exception is NpgsqlException or TimeoutException)
        {
            throw new StoreOpenException($"{Description} cannot be used: {exception.Message}", exception);
        }
    }

    /// <summary>Does something short on a connection; callers wait in turn.</summary>
    public async Task<T> RunAsync<T>(Func<NpgsqlConnection, Task<T>> errand, CancellationToken cancellationToken)
    {
        await errands.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await using var connection = await Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            return await errand(connection).ConfigureAwait(false);
        }
        finally
        {
            errands.Release();
        }
    }

    /// <summary>A connection for a view, which gives its place back when it is done.</summary>
    public async Task<NpgsqlConnection> OpenViewConnectionAsync(CancellationToken cancellationToken)
    {
        await views.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await viewSource.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            views.Release();
            throw;
        }
    }

    public void CloseViewConnection(NpgsqlConnection connection)
    {
        connection.Dispose();
        views.Release();
    }

    /// <summary>
    /// What to tell the caller of something that failed: not that it was not done, but that nobody knows. A store that turned out to be
    /// another than it was has failed for good.
    /// </summary>
    public IOException Explain(Exception exception)
    {
        for (var cause = exception; cause is not null; cause = cause.InnerException)
        {
            if (cause is StoreOpenException)
            {
                return failure.Fail(cause);
            }
        }

        // An error of a statement that is a transaction by itself: it was rolled back. Anything worse, and nobody knows.
        if (exception is PostgresException { SqlState: PostgresErrorCodes.DiskFull, InvariantSeverity: "ERROR" })
        {
            Set(StoreHealth.ReadOnly, exception);
            return new StoreFullException($"{Description} has no space: {exception.Message}", exception);
        }

        Set(StoreHealth.Unavailable, exception);
        return new StoreUnavailableException($"{Description} is not available: {exception.Message}", exception);
    }

    /// <summary>A write went through.</summary>
    public void Succeeded() => Set(StoreHealth.Ok, null);

    /// <summary>A read went through, which says nothing about space.</summary>
    public void Reached()
    {
        if (Health == StoreHealth.Unavailable)
        {
            Set(StoreHealth.Ok, null);
        }
    }

    /// <summary>Whether it can only come from the database, its connection, or the examination of one.</summary>
    public static bool IsOfDatabase(Exception exception) =>
        exception is NpgsqlException or TimeoutException or StoreOpenException or IOException
        || (exception is InvalidOperationException { InnerException: NpgsqlException });

    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync().ConfigureAwait(false);
        await viewSource.DisposeAsync().ConfigureAwait(false);
        PostgresLog.Closed(logger, Description);
    }

    private NpgsqlDataSource Build(NpgsqlConnectionStringBuilder connection)
    {
        var builder = new NpgsqlDataSourceBuilder(connection.ConnectionString);
        builder.UsePhysicalConnectionInitializer(
            connection => ExamineAsync(connection, async: false).GetAwaiter().GetResult(), connection => ExamineAsync(connection, async: true));
        return builder.Build();
    }

    // The committer connects on its own thread, where nothing may need a thread of the pool; all others must not block one.
    private async Task ExamineAsync(NpgsqlConnection connection, bool async)
    {
        using (var command = new NpgsqlCommand(SessionSettings + Examination, connection))
        using (var reader = async ? await command.ExecuteReaderAsync().ConfigureAwait(false) : command.ExecuteReader())
        {
            reader.Read();
            Require(!reader.GetBoolean(3), "is a standby in recovery: name the primary server");
            Require(reader.GetString(0) != "off", "has synchronous_commit off, which loses acknowledged writes in a crash: set it to on");
            Require(reader.GetString(1) == "on", "has fsync off, which loses acknowledged writes in a crash: set it to on");
            Require(reader.GetString(2) == "on", "has full_page_writes off, which tears pages in a crash: set it to on");
            Require(reader.GetString(4) == "UTF8", $"has the encoding {reader.GetString(4)}, and UTF8 is needed");
            Require(reader.GetBoolean(5), "has no schema multidc: apply infra/postgres/apply.sh to it first");
        }

        if (!await TryReadAsync(connection, async).ConfigureAwait(false))
        {
            await CreateAsync(connection, async).ConfigureAwait(false);
            Require(await TryReadAsync(connection, async).ConfigureAwait(false), "did not keep who the store is");
        }
    }

    private async Task<bool> TryReadAsync(NpgsqlConnection connection, bool async)
    {
        using var command = new NpgsqlCommand(Reading, connection);
        using var reader = async ? await command.ExecuteReaderAsync().ConfigureAwait(false) : command.ExecuteReader();
        Require(reader.Read(), "has a schema multidc without a version: apply infra/postgres/apply.sh to it");
        Require(
            reader.GetInt32(0) == SchemaVersion,
            $"has schema multidc of version {reader.GetInt32(0)}, and this program knows {SchemaVersion}: apply its infra/postgres/apply.sh, or run the program that fits");
        if (reader.IsDBNull(1))
        {
            return false;
        }

        StoreIdentity stored;
        try
        {
            stored = StoreRecords.DecodeIdentity((byte[])reader[1]);
        }
        catch (CodecException exception)
        {
            throw new StoreOpenException($"{Description}: the identity of the store is corrupted: {exception.Message}", exception);
        }

        Require(stored.ClusterId == clusterId, $"holds a store of cluster '{stored.ClusterId}', not of '{clusterId}'");
        Require(
            reader.GetInt64(2) == reader.GetInt64(4) && reader.GetInt32(3) == reader.GetInt32(5),
            $"is not the server that store {stored.StoreId} was on (system identifier {reader.GetInt64(2)}, timeline {reader.GetInt32(3)}) but one of system identifier "
            + $"{reader.GetInt64(4)}, timeline {reader.GetInt32(5)}: a restored backup or a promoted standby may have lost what replicas promised, so they must not vote. "
            + "If it is certain that nothing was lost, run SELECT multidc.nothing_was_lost()");
        Require(identity is null || identity == stored, $"holds store {stored.StoreId}, where store {identity?.StoreId} was");
        identity = stored;
        return true;
    }

    private async Task CreateAsync(NpgsqlConnection connection, bool async)
    {
        Require(identity is null, $"has forgotten store {identity?.StoreId}");
        var created = new StoreIdentity(clusterId, Guid.NewGuid());
        using var command = new NpgsqlCommand(
            "INSERT INTO multidc.store (identity, system_identifier, timeline) SELECT $1, c.system_identifier, multidc.timeline() FROM pg_control_system() c ON CONFLICT DO NOTHING",
            connection);
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = StoreRecords.EncodeIdentity(created) });
        if ((async ? await command.ExecuteNonQueryAsync().ConfigureAwait(false) : command.ExecuteNonQuery()) == 1)
        {
            PostgresLog.Created(logger, created.StoreId, created.ClusterId, Description);
        }
    }

    private void Require(bool fit, string problem)
    {
        if (!fit)
        {
            throw new StoreOpenException($"{Description} {problem}");
        }
    }

    private void Set(StoreHealth now, Exception? cause)
    {
        var before = (StoreHealth)Interlocked.Exchange(ref health, (int)now);
        if (before == now)
        {
            return;
        }

        switch (before, now)
        {
            case (_, StoreHealth.Unavailable):
                PostgresLog.Unavailable(logger, cause!, Description);
                break;
            case (_, StoreHealth.ReadOnly):
                PostgresLog.Full(logger, cause!, Description);
                break;
            case (StoreHealth.ReadOnly, _):
                PostgresLog.SpaceReturned(logger, Description);
                break;
            default:
                PostgresLog.Available(logger, Description);
                break;
        }
    }
}
