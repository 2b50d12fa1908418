namespace MultiDc.Host.Drills;

/// <summary>How a drill is run.</summary>
internal sealed record DrillOptions
{
    /// <summary>Which.</summary>
    public required DrillKind Kind { get; init; }

    /// <summary>The script that brought the datacenters up and breaks them.</summary>
    public required string Script { get; init; }

    /// <summary>How often the fault comes.</summary>
    public required int Rounds { get; init; }

    /// <summary>How long the fault lasts each time, or the whole of a drill without rounds.</summary>
    public required TimeSpan FaultLength { get; init; }

    /// <summary>Readers, and as many writers, in every datacenter that holds data.</summary>
    public required int Workers { get; init; }

    /// <summary>Where the choices of workers and of chaos come from.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Where the history is written, as NDJSON; null: nowhere.</summary>
    public string? HistoryFile { get; init; }

    /// <summary>Whether the report is one JSON object.</summary>
    public bool Json { get; init; }
}

/// <summary>What is rehearsed.</summary>
internal enum DrillKind
{
    /// <summary>The datacenter that leads most shards is killed, and comes back.</summary>
    DcLoss,

    /// <summary>The witness is killed, and comes back.</summary>
    WitnessLoss,

    /// <summary>The datacenter that leads most shards is cut off from the others, both ways.</summary>
    Partition,

    /// <summary>Nothing gets out of it, and everything in.</summary>
    Oneway,

    /// <summary>The silo that leads most shards stands still (SIGSTOP).</summary>
    Pause,

    /// <summary>It is killed and its data folder deleted; it starts again under its old name, and is refilled.</summary>
    WipedStore,

    /// <summary>Replicas are activated a second time beside the activation that runs, one after the other, by silos that were started for it.</summary>
    DoubleActivation,

    /// <summary>Every round trip to the datacenter that leads most shards takes 400 ms longer.</summary>
    SlowLink,

    /// <summary>Its Redis is killed while its silos run.</summary>
    RedisLoss,

    /// <summary>Its PostgreSQL is killed while its silos run.</summary>
    PostgresLoss,

    /// <summary>Every silo is stopped in good order and started again, one after the other.</summary>
    RollingRestart,

    /// <summary>The one that leads most shards then is cut off for 8 s, all are connected for 8 s, again and again.</summary>
    Flapping,

    /// <summary>One fault after the other, drawn from all of these.</summary>
    Chaos,

    /// <summary>Nothing: how long a write takes, and whether leaders stay.</summary>
    Quiet,
}
