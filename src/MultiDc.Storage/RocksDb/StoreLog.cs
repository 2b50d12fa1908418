using Microsoft.Extensions.Logging;

namespace MultiDc.Storage;

/// <summary>What the store logs. Event ids 2000 to 2099 are this project's.</summary>
internal static partial class StoreLog
{
    [LoggerMessage(2000, LogLevel.Information, "Store {StoreId} of cluster {ClusterId} opened in {Folder}")]
    public static partial void Opened(ILogger logger, Guid storeId, string clusterId, string folder);

    [LoggerMessage(2001, LogLevel.Information, "Store {StoreId} created for cluster {ClusterId} in {Folder}")]
    public static partial void Created(ILogger logger, Guid storeId, string clusterId, string folder);

    [LoggerMessage(2002, LogLevel.Information, "Store in {Folder} closed")]
    public static partial void Closed(ILogger logger, string folder);

    [LoggerMessage(2003, LogLevel.Critical, "Store in {Folder} failed; it acknowledges nothing more, the process must restart")]
    public static partial void Failed(ILogger logger, Exception exception, string folder);

    [LoggerMessage(2004, LogLevel.Error, "Store in {Folder} is full: {FreeBytes} bytes free, {MinFreeBytes} needed; writes are refused")]
    public static partial void Full(ILogger logger, string folder, long freeBytes, long minFreeBytes);

    [LoggerMessage(2005, LogLevel.Information, "Store in {Folder} has space again: {FreeBytes} bytes free; writes are taken")]
    public static partial void SpaceReturned(ILogger logger, string folder, long freeBytes);

    [LoggerMessage(2006, LogLevel.Error, "Free space of the store in {Folder} cannot be read; writes are refused")]
    public static partial void ProbeFailed(ILogger logger, Exception exception, string folder);

    [LoggerMessage(2007, LogLevel.Debug, "Replica {Replica} opened at epoch {Epoch} with {Entries} entries")]
    public static partial void ReplicaOpened(ILogger logger, ReplicaName replica, ulong epoch, int entries);

    [LoggerMessage(2008, LogLevel.Warning, "Refused: {Message}")]
    private static partial void Fenced(ILogger logger, string message);

    public static void Fenced(ILogger logger, FencedException exception) => Fenced(logger, exception.Message);

    [LoggerMessage(2009, LogLevel.Critical, "A stored record is corrupted; its replica is not opened")]
    public static partial void Corrupted(ILogger logger, Exception exception);

    [LoggerMessage(2010, LogLevel.Information, "Replica {Replica} installed a snapshot up to index {Index}")]
    public static partial void Installed(ILogger logger, ReplicaName replica, ulong index);

    [LoggerMessage(2012, LogLevel.Warning, "Rows of slot {Slot} that nobody reads could not be dropped; they go when it is opened next")]
    public static partial void NotDropped(ILogger logger, uint slot, Exception exception);

    [LoggerMessage(2013, LogLevel.Debug, "Compacted log entries were cleared out of the files in {Folder}")]
    public static partial void Reclaimed(ILogger logger, string folder);

    [LoggerMessage(2011, LogLevel.Warning, "Rows of {Generations} abandoned snapshots of replica {Replica} were dropped")]
    public static partial void Swept(ILogger logger, ReplicaName replica, uint generations);

    [LoggerMessage(2014, LogLevel.Warning, "Applied rows of replica {Replica} could not be written before it was closed; it applies them again from its log")]
    public static partial void NotWritten(ILogger logger, ReplicaName replica, Exception exception);
}
