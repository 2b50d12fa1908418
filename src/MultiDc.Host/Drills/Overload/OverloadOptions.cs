namespace MultiDc.Host.Drills.Overload;

/// <summary>How the drill of an overload is run.</summary>
internal sealed record OverloadOptions
{
    /// <summary>The script that brought the datacenters up.</summary>
    public required string Script { get; init; }

    /// <summary>How long the overload lasts.</summary>
    public required TimeSpan Length { get; init; }

    /// <summary>How many times what the system can do is asked of it.</summary>
    public required double Times { get; init; }

    /// <summary>Clients of each datacenter while it is found out what the system can do: each waits for its answer before it asks again.</summary>
    public required int Clients { get; init; }

    /// <summary>The most resident memory a silo may have.</summary>
    public required long MemoryLimitBytes { get; init; }
}
