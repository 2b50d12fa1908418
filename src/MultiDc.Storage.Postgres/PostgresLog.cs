using Microsoft.Extensions.Logging;

namespace MultiDc.Storage.Postgres;

/// <summary>What the store logs. Event ids 2100 to 2199 are this project's.</summary>
internal static partial class PostgresLog
{
    [LoggerMessage(2100, LogLevel.Information, "Store {StoreId} of cluster {ClusterId} opened in {Database}")]
    public static partial void Opened(ILogger logger, Guid storeId, string clusterId, string database);

    [LoggerMessage(2101, LogLevel.Information, "Store {StoreId} created for cluster {ClusterId} in {Database}")]
    public static partial void Created(ILogger logger, Guid storeId, string clusterId, string database);

    [LoggerMessage(2102, LogLevel.Information, "Store in {Database} closed")]
    public static partial void Closed(ILogger logger, string database);

    [LoggerMessage(2103, LogLevel.Error, "Store in {Database} is not available; what was being written may have been")]
    public static partial void Unavailable(ILogger logger, Exception exception, string database);

    [LoggerMessage(2104, LogLevel.Information, "Store in {Database} is available again")]
    public static partial void Available(ILogger logger, string database);

    [LoggerMessage(2105, LogLevel.Error, "Store in {Database} has no space; writes are refused")]
    public static partial void Full(ILogger logger, Exception exception, string database);

    [LoggerMessage(2106, LogLevel.Information, "Store in {Database} has space again")]
    public static partial void SpaceReturned(ILogger logger, string database);

    [LoggerMessage(2107, LogLevel.Debug, "Replica {Replica} opened at epoch {Epoch} with {Entries} entries")]
    public static partial void ReplicaOpened(ILogger logger, ReplicaName replica, ulong epoch, int entries);

    [LoggerMessage(2108, LogLevel.Warning, "Refused: {Message}")]
    public static partial void Fenced(ILogger logger, string message);

    [LoggerMessage(2109, LogLevel.Critical, "A stored record is corrupted; its replica is not opened")]
    public static partial void Corrupted(ILogger logger, Exception exception);

    [LoggerMessage(2110, LogLevel.Information, "Replica {Replica} installed a snapshot up to index {Index}")]
    public static partial void Installed(ILogger logger, ReplicaName replica, ulong index);

    [LoggerMessage(2111, LogLevel.Warning, "Rows of replica {Replica} that are no state any more were not all deleted; the next opening tries again")]
    public static partial void NotSwept(ILogger logger, ReplicaName replica, Exception exception);

    [LoggerMessage(2112, LogLevel.Warning, "Applied rows of replica {Replica} were not written when it closed; they are applied again from the log")]
    public static partial void NotFlushed(ILogger logger, ReplicaName replica, Exception exception);
}
