namespace MultiDc.Host.Demo;

/// <summary>What the demo is asked to do.</summary>
internal sealed record DemoOptions
{
    /// <summary>The data set to load; null: the demo's own.</summary>
    public string? LoadFile { get; init; }

    /// <summary>The column that holds the key.</summary>
    public string? KeyColumn { get; init; }

    /// <summary>Where the stores, logs and configurations of the three datacenters go.</summary>
    public required string Folder { get; init; }

    /// <summary>Where the history is written; null: nowhere.</summary>
    public string? HistoryFile { get; init; }

    /// <summary>How often a datacenter is killed.</summary>
    public int Kills { get; init; } = 1;

    /// <summary>How long a killed datacenter stays dead.</summary>
    public TimeSpan Downtime { get; init; } = TimeSpan.FromSeconds(6);

    /// <summary>How long readers and writers run at the least.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(45);

    /// <summary>Shards of the demo's keyspace.</summary>
    public int Shards { get; init; } = 8;

    /// <summary>Readers, and as many writers, in every datacenter.</summary>
    public int Workers { get; init; } = 6;

    /// <summary>How many increments of one counter, from all datacenters together.</summary>
    public int Increments { get; init; } = 1000;

    /// <summary>Where the choices of the workers come from.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>A rule to break on purpose, so that the verdict can be seen to notice; null: none.</summary>
    public string? Break { get; init; }
}
