namespace MultiDc.Server.Replication;

/// <summary>Bounds of one pump.</summary>
internal sealed record ReplicaPumpOptions
{
    /// <summary>The most Raft messages that wait; more are dropped and counted. Default: 4096.</summary>
    public int MaxWaitingMessages { get; init; } = 4096;

    /// <summary>The most callers' requests that wait; more are refused as overloaded. Default: 4096.</summary>
    public int MaxWaitingRequests { get; init; } = 4096;

    /// <summary>The most requests taken between two flushes, so that messages and ticks get their turn. Default: 512.</summary>
    public int MaxRequestsPerRound { get; init; } = 512;

    /// <summary>The most proposals whose fate is open; more are refused as overloaded. Default: 8192.</summary>
    public int MaxOpenProposals { get; init; } = 8192;

    /// <summary>The most reads that wait for a new leader's first commit; more are refused as overloaded. Default: 4096.</summary>
    public int MaxHeldReads { get; init; } = 4096;

    /// <summary>After what time whoever is refused as overloaded is told to come again: about what a full inbox takes. Default: 200 ms.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The log is compacted when it holds more than this in memory. Default: 8 MiB.</summary>
    public long CompactAfterBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>How many applied entries stay behind a compaction, so that a follower that lags a little needs no snapshot. Default: 1024.</summary>
    public int KeepEntries { get; init; } = 1024;

    /// <summary>About how many bytes of rows travel in one snapshot chunk. Default: 256 KiB.</summary>
    public int SnapshotChunkBytes { get; init; } = 256 * 1024;

    /// <summary>How long a follower may take over a chunk. Default: 5 s.</summary>
    public TimeSpan SnapshotChunkTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often a chunk is sent that brings no answer, before the stream is given up. Default: 12, a minute's outage.</summary>
    public int SnapshotChunkAttempts { get; init; } = 12;

    /// <summary>Where leaders should be, best first; datacenters that are not named come last. Default: anywhere.</summary>
    public IReadOnlyList<DatacenterTag> PreferredLeaders { get; init; } = [];

    /// <summary>Breaks linearizability on purpose: reads are answered at once by any replica. Only to see that the checkers notice.</summary>
    public bool UnsafeReadsWithoutReadIndex { get; init; }
}
