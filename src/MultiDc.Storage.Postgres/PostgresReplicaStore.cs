using System.Diagnostics.Metrics;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace MultiDc.Storage.Postgres;

/// <summary>
/// The store of a datacenter in a PostgreSQL database that all its silos share: they see one <see cref="Identity"/>, so a replica may wake
/// on any of them, and its newest opening fences the others in the database itself. All replicas' writes of one silo share one committer
/// and hence one statement and one flush. LAYOUT.md beside this project describes every column. When the database goes away, what is asked
/// fails with <see cref="StoreUnavailableException"/>, and works again when it is back.
/// </summary>
public sealed class PostgresReplicaStore : IReplicaStore
{
    /// <summary>The longest record value, in bytes.</summary>
    public const int MaxRecordValueBytes = 4096;

    private const int MaxRecordKeyBytes = 512;
    private const int MaxReplicaNameBytes = 256;

    private readonly PostgresReplicaStoreOptions options;
    private readonly PostgresDatabase database;
    private readonly StoreFailure failure;
    private readonly StoreMetrics metrics;
    private readonly Committer committer;
    private readonly RowReader reader;
    private readonly StateFlusher flusher;
    private readonly StateSweeper sweeper;
    private readonly ReplicaRecoveryReader recovery;
    private readonly ILogger logger;
    private int disposed;

    private PostgresReplicaStore(
        PostgresReplicaStoreOptions options, PostgresDatabase database, StoreFailure failure, TimeProvider time, IMeterFactory? meters, ILogger logger)
    {
        this.options = options;
        this.database = database;
        this.failure = failure;
        this.logger = logger;
        Identity = database.Identity;
        metrics = new StoreMetrics(meters);
        committer = new Committer(options, database, failure, metrics, time, logger);
        reader = new RowReader(database);
        flusher = new StateFlusher(options, database, failure, metrics, time);
        sweeper = new StateSweeper(database, logger);
        recovery = new ReplicaRecoveryReader(database, sweeper, logger);
        metrics.Watch(() => committer.QueueDepth, () => Health);
    }

    /// <inheritdoc/>
    public StoreIdentity Identity { get; }

    /// <inheritdoc/>
    public StoreHealth Health => failure.HasFailed ? StoreHealth.Failed : database.Health;

    private bool IsDisposed => Volatile.Read(ref disposed) != 0;

    /// <summary>Connects to the database, whose schema is there already (infra/postgres), and examines it.</summary>
    /// <param name="options">Where, whose and how much; validated here.</param>
    /// <param name="time">Measures; null: the system's.</param>
    /// <param name="meters">Makes the meter <c>MultiDc</c>; null: the store makes its own.</param>
    /// <param name="logger">Takes events 2100 to 2199; null: none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentException">An option cannot be.</exception>
    /// <exception cref="StoreOpenException">
    /// The database cannot be reached, does not flush, has no or another schema, is of another cluster, or is not the server that the store
    /// was made on; the message says which and what to do, and holds no secrets.
    /// </exception>
    public static async Task<PostgresReplicaStore> OpenAsync(
        PostgresReplicaStoreOptions options,
        TimeProvider? time = null,
        IMeterFactory? meters = null,
        ILogger<PostgresReplicaStore>? logger = null,
        CancellationToken cancellationToken = default)
    {
        options.Validate();
        var log = (ILogger?)logger ?? NullLogger.Instance;
        var failure = new StoreFailure(PostgresDatabase.Describe(options.ConnectionString), log);
        var database = new PostgresDatabase(options, failure, log);
        try
        {
            await database.OpenAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await database.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        return new PostgresReplicaStore(options, database, failure, time ?? TimeProvider.System, meters, log);
    }

    /// <inheritdoc/>
    /// <exception cref="StoreUnavailableException">The database was not reached; the epoch may be raised all the same.</exception>
    public async ValueTask<IReplicaStorage?> OpenAsync(
        ReplicaName replica, ReplicaFounding? founding, CancellationToken cancellationToken = default)
    {
        RequireText(replica.Value, MaxReplicaNameBytes, nameof(replica));
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (await committer.SubmitAsync(new OpenReplicaCommand(replica, founding), cancellationToken).ConfigureAwait(false) is not { } opening)
        {
            return null;
        }

        var recovered = await recovery.ReadAsync(opening, cancellationToken).ConfigureAwait(false);
        var state = new PostgresReplicaState(opening, options, database, failure, reader, flusher, sweeper, () => IsDisposed);
        return new PostgresReplicaStorage(opening, recovered, recovery, committer, flusher, reader, failure, logger, state);
    }

    /// <inheritdoc/>
    /// <exception cref="StoreUnavailableException">The database was not reached.</exception>
    public async ValueTask<IReadOnlyList<ReplicaName>> ListReplicasAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        try
        {
            return await database.RunAsync(
                async connection =>
                {
                    await using var command = new NpgsqlCommand("SELECT name FROM multidc.replica", connection);
                    await using var rows = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
                    var names = new List<ReplicaName>();
                    while (await rows.ReadAsync(cancellationToken).ConfigureAwait(false))
                    {
                        names.Add(new(rows.GetString(0)));
                    }

                    return names;
                },
                cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (PostgresDatabase.IsOfDatabase(exception))
        {
            throw database.Explain(exception);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="StoreUnavailableException">The database was not reached.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> GetRecordAsync(string key, CancellationToken cancellationToken = default)
    {
        RequireText(key, MaxRecordKeyBytes, nameof(key));
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        byte[]? stored;
        try
        {
            stored = await database.RunAsync(
                async connection =>
                {
                    await using var command = new NpgsqlCommand("SELECT value FROM multidc.record WHERE key = $1", connection);
                    command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = key });
                    return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) as byte[];
                },
                cancellationToken).ConfigureAwait(false);
            database.Reached();
        }
        catch (Exception exception) when (PostgresDatabase.IsOfDatabase(exception))
        {
            throw database.Explain(exception);
        }

        try
        {
            return stored is null ? (ReadOnlyMemory<byte>?)null : StoreRecords.DecodeRecord(stored);
        }
        catch (CodecException exception)
        {
            throw new StoreCorruptedException(null, $"record/{key}", exception.Message, exception);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="StoreUnavailableException">The database was not reached; the record may be there all the same.</exception>
    public async ValueTask<ReadOnlyMemory<byte>> AddRecordAsync(
        string key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
    {
        RequireText(key, MaxRecordKeyBytes, nameof(key));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, MaxRecordValueBytes, nameof(value));
        return await committer.SubmitAsync(new AddRecordCommand(key, value.ToArray()), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <exception cref="StoreUnavailableException">The database was not reached; the record may be written all the same.</exception>
    public async ValueTask PutRecordAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
    {
        RequireText(key, MaxRecordKeyBytes, nameof(key));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, MaxRecordValueBytes, nameof(value));
        await committer.SubmitAsync(new PutRecordCommand(key, value.ToArray()), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Answers what waits, makes applied rows durable and closes the connections. Views that are still open end with
    /// <see cref="ObjectDisposedException"/>.
    /// </summary>
    public ValueTask DisposeAsync() => CloseAsync(inGoodOrder: true);

    /// <summary>For tests: as a crash of this process would, with nothing written any more.</summary>
    internal ValueTask AbandonAsync() => CloseAsync(inGoodOrder: false);

    private async ValueTask CloseAsync(bool inGoodOrder)
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
        {
            return;
        }

        await committer.DisposeAsync().ConfigureAwait(false);
        if (inGoodOrder && !failure.HasFailed)
        {
            await flusher.FlushAllAsync().ConfigureAwait(false);
        }

        await reader.StopAsync().ConfigureAwait(false);
        await sweeper.StopAsync().ConfigureAwait(false);
        await database.DisposeAsync().ConfigureAwait(false);
        metrics.Dispose();
    }

    private static void RequireText(string value, int maxBytes, string parameter)
    {
        ArgumentException.ThrowIfNullOrEmpty(value, parameter);
        if (Encoding.UTF8.GetByteCount(value) > maxBytes || value.Contains('\0'))
        {
            throw new ArgumentException($"at most {maxBytes} bytes in UTF-8, none of them zero", parameter);
        }
    }
}
