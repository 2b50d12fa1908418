namespace MultiDc.Server.Replication;

/// <summary>What a pump tells the log.</summary>
internal sealed partial class ReplicaPump
{
    [LoggerMessage(1000, LogLevel.Information, "Replica {Replica} leads in term {Term}")]
    private static partial void LogLeading(ILogger logger, ReplicaAddress replica, Term term);

    [LoggerMessage(1007, LogLevel.Information, "Replica {Replica} hands the leadership to {To}, a preferred datacenter")]
    private static partial void LogMoving(ILogger logger, ReplicaAddress replica, ReplicaPlace? to);

    [LoggerMessage(1009, LogLevel.Information, "Replica {Replica} waits no longer for its leader: datacenter {Datacenter} has closed its connections")]
    private static partial void LogMissed(ILogger logger, ReplicaAddress replica, DatacenterId datacenter);

    [LoggerMessage(1010, LogLevel.Information, "Replica {Replica}: writes wait no longer for datacenter {Datacenter}, which has closed its connections")]
    private static partial void LogLeftOut(ILogger logger, ReplicaAddress replica, DatacenterId datacenter);

    [LoggerMessage(1001, LogLevel.Information, "Replica {Replica} leads no more; term {Term}, leader {Leader}")]
    private static partial void LogNotLeading(ILogger logger, ReplicaAddress replica, Term term, ReplicaPlace? leader);

    [LoggerMessage(1002, LogLevel.Information, "Replica {Replica} stopped: {Reason}: {Detail}")]
    private static partial void LogStopped(ILogger logger, ReplicaAddress replica, PumpStopReason reason, string detail);

    [LoggerMessage(1003, LogLevel.Critical, "Replica {Replica} is broken and stays down; its files are kept")]
    private static partial void LogBroken(ILogger logger, ReplicaAddress replica, Exception exception);

    [LoggerMessage(1008, LogLevel.Error, "Replica {Replica} stopped over something that cannot be, while its store was away")]
    private static partial void LogUnexplained(ILogger logger, ReplicaAddress replica, Exception exception);

    [LoggerMessage(1004, LogLevel.Information, "Replica {Replica} installed a snapshot up to {LastIncluded}")]
    private static partial void LogSnapshotInstalled(ILogger logger, ReplicaAddress replica, EntryId lastIncluded);

    [LoggerMessage(1005, LogLevel.Information, "Replica {Replica} sends {To} a snapshot up to {LastIncluded}")]
    private static partial void LogSnapshotBegun(ILogger logger, ReplicaAddress replica, ReplicaPlace? to, EntryId lastIncluded);

    [LoggerMessage(1006, LogLevel.Information, "Replica {Replica}: the snapshot for {To} did not get through: {Reason}")]
    private static partial void LogSnapshotFailed(ILogger logger, ReplicaAddress replica, ReplicaPlace? to, string reason);
}
