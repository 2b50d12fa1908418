using System.Globalization;
using MultiDc.Comparison.Processes;
using MultiDc.Host.Bench;
using MultiDc.Host.CommandLine;
using Npgsql;

namespace MultiDc.Comparison.Postgres;

/// <summary>One PostgreSQL server, and what it and /proc tell of what it has used.</summary>
/// <remarks>It counts a flush at the latest a second after it, so turns should be longer than that.</remarks>
internal sealed class PostgresServer : IAsyncDisposable
{
    // Where pg_stat_wal counts flushes: before 14 there is none, and from 18 on they are elsewhere.
    private static readonly (int From, int Below) CountsFlushes = (14, 18);

    // A standby's are not counted (measured: version 15 tells none of those that its WAL receiver waits for).
    private const string FlushesOfPrimary = "SELECT CASE WHEN NOT pg_is_in_recovery() THEN wal_sync::text END FROM pg_stat_wal";

    private readonly NpgsqlDataSource source;
    private readonly int processId;

    /// <param name="connectionString">Npgsql's.</param>
    /// <param name="processId">The main process, on this machine.</param>
    public PostgresServer(string connectionString, int processId)
    {
        this.processId = processId;
        source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString) { MaxPoolSize = 1 });
    }

    /// <summary>Whether the text is a connection string that names a host.</summary>
    public static bool IsConnectionString(string text)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(text).Host is { Length: > 0 };
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or KeyNotFoundException)
        {
            return false;
        }
    }

    /// <summary>What is measured must be durable.</summary>
    /// <exception cref="CommandException">It does not flush what it acknowledges, or not on as many servers as is said.</exception>
    public async Task RequireDurableAsync(int synchronousStandbys, CancellationToken cancellationToken)
    {
        foreach (var setting in new[] { "fsync", "synchronous_commit", "full_page_writes" })
        {
            if (await AskAsync($"SHOW {setting}", cancellationToken).ConfigureAwait(false) is not "on" and var other)
            {
                throw new CommandException(Host.ExitCode.WrongConfiguration, $"{setting} is {other}: what is acknowledged may be lost");
            }
        }

        var standbys = await AskAsync("SELECT count(*)::text FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')", cancellationToken).ConfigureAwait(false);
        if (standbys != synchronousStandbys.ToString(CultureInfo.InvariantCulture))
        {
            throw new CommandException(Host.ExitCode.WrongConfiguration, $"there are {standbys} synchronous standbys, not {synchronousStandbys}");
        }
    }

    public async Task<ServerUsage> GetUsageAsync(CancellationToken cancellationToken)
    {
        var version = int.Parse((await AskAsync("SHOW server_version_num", cancellationToken).ConfigureAwait(false))!, CultureInfo.InvariantCulture) / 10_000;
        return new(
            $"PostgreSQL {processId} since {await AskAsync("SELECT pg_postmaster_start_time()::text", cancellationToken).ConfigureAwait(false)}",
            ServerProcess.ReadProcessorTime(processId),
            AllocatedBytes: null,

            // /proc would tell too much: the log goes into files that were filled beforehand, in large pieces, and Linux counts the whole piece
            // (measured: 1 MB for 8 kB) for each part of it that is written.
            DiskBytes: null,
            version >= CountsFlushes.From && version < CountsFlushes.Below && await AskAsync(FlushesOfPrimary, cancellationToken).ConfigureAwait(false) is { } flushes
                ? long.Parse(flushes, CultureInfo.InvariantCulture)
                : null);
    }

    public ValueTask DisposeAsync() => source.DisposeAsync();

    private async Task<string?> AskAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(sql);
        return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) as string;
    }
}
