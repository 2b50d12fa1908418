using Npgsql;

namespace MultiDc.Storage.Postgres;

/// <summary>How to open a <see cref="PostgresReplicaStore"/>.</summary>
public sealed record PostgresReplicaStoreOptions
{
    /// <summary>The database that all silos of the datacenter share, as Npgsql reads it. Required. Never printed: it may hold a password.</summary>
    public required string ConnectionString { get; init; }

    /// <summary>The system this store belongs to; a database of another cluster is refused. Required.</summary>
    public required string ClusterId { get; init; }

    /// <summary>Writes that may wait for the committer; further callers wait in turn before their write is accepted. Default 8,192.</summary>
    public int MaxQueuedWrites { get; init; } = 8192;

    /// <summary>Bytes of entries after which a statement takes no further write in. Default 8 MiB.</summary>
    public long MaxBatchBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>Bytes of applied rows of one replica that are kept in memory until they are written to the database. Default 4 MiB.</summary>
    public int MaxUnflushedBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Views that may read at the same time, each over a connection of its own; further ones wait. Default 24.</summary>
    public int MaxOpenViews { get; init; } = 24;

    /// <summary>How long a statement may take before its connection counts as lost. Default 30 s.</summary>
    public TimeSpan StatementTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long connecting may take. Default 15 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Called by the committer right before each statement with the number of writes in it; tests hold or fail it.</summary>
    internal Action<int>? BeforeCommit { get; init; }

    /// <summary>Throws <see cref="ArgumentException"/> with one sentence about the first value that cannot be.</summary>
    public void Validate()
    {
        Check(!string.IsNullOrWhiteSpace(ConnectionString), nameof(ConnectionString), "names a database");
        Check(CanRead(ConnectionString), nameof(ConnectionString), "is readable: keyword=value pairs of Npgsql, with a Host");
        Check(!string.IsNullOrWhiteSpace(ClusterId) && ClusterId.Length <= 256, nameof(ClusterId), "has 1 to 256 characters");
        Check(MaxQueuedWrites >= 1, nameof(MaxQueuedWrites), "is at least 1");
        Check(MaxBatchBytes >= 1, nameof(MaxBatchBytes), "is at least 1");
        Check(MaxUnflushedBytes >= 1, nameof(MaxUnflushedBytes), "is at least 1");
        Check(MaxOpenViews is >= 1 and <= 1000, nameof(MaxOpenViews), "is 1 to 1000");
        Check(StatementTimeout >= TimeSpan.FromSeconds(1), nameof(StatementTimeout), "is at least 1 s");
        Check(ConnectTimeout >= TimeSpan.FromSeconds(1), nameof(ConnectTimeout), "is at least 1 s");
    }

    private static bool CanRead(string connectionString)
    {
        try
        {
            return !string.IsNullOrEmpty(new NpgsqlConnectionStringBuilder(connectionString).Host);
        }
        catch (ArgumentException)
        {
            // Its message may hold a part of the text, and so a password.
            return false;
        }
    }

    private static void Check(bool valid, string property, string rule)
    {
        if (!valid)
        {
            throw new ArgumentException($"{nameof(PostgresReplicaStoreOptions)}.{property} must be such that it {rule}.", property);
        }
    }
}
