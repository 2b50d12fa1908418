namespace MultiDc.Host.Drills.Watching;

/// <summary>How the drill of watches under churn is run.</summary>
internal sealed record ChurnOptions
{
    /// <summary>The script that brought the datacenters up and breaks them.</summary>
    public required string Script { get; init; }

    /// <summary>How often a silo is killed.</summary>
    public required int Kills { get; init; }

    /// <summary>How often a leader is changed before each kill.</summary>
    public required int ChangesPerKill { get; init; }

    /// <summary>Writes that are begun in a second, in all datacenters together.</summary>
    public required int Rate { get; init; }

    /// <summary>Writes that must have been acknowledged in a second, on average.</summary>
    public required int LeastRate { get; init; }

    /// <summary>Where the choices of shards and keys come from.</summary>
    public required ulong Seed { get; init; }
}
