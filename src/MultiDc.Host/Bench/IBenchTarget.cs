namespace MultiDc.Host.Bench;

/// <summary>What is measured. Safe for concurrent use.</summary>
internal interface IBenchTarget
{
    /// <summary>Its name in the report.</summary>
    string Name { get; }

    /// <summary>Sets a key; done when it is durable in a majority.</summary>
    /// <param name="client">The logical client: 0 and up.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <param name="cancellationToken">The user gave up.</param>
    ValueTask<OperationOutcome> PutAsync(int client, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken);

    /// <summary>Reads a key, linearizably.</summary>
    /// <param name="client">The logical client.</param>
    /// <param name="key">The key.</param>
    /// <param name="cancellationToken">The user gave up.</param>
    ValueTask<OperationOutcome> GetAsync(int client, ReadOnlyMemory<byte> key, CancellationToken cancellationToken);

    /// <summary>Reads what follows a key in key order, linearizably key by key.</summary>
    /// <param name="client">The logical client.</param>
    /// <param name="after">The key, which begins with <see cref="BenchData.Prefix"/> like all that are asked for.</param>
    /// <param name="limit">The most keys.</param>
    /// <param name="cancellationToken">The user gave up.</param>
    ValueTask<OperationOutcome> ScanAsync(int client, ReadOnlyMemory<byte> after, int limit, CancellationToken cancellationToken);

    /// <summary>Calls a server that does nothing: the most that this client and this way of calling can do.</summary>
    /// <param name="client">The logical client.</param>
    /// <param name="cancellationToken">The user gave up.</param>
    ValueTask<OperationOutcome> PingAsync(int client, CancellationToken cancellationToken);

    /// <summary>What the servers have used so far; those that do not answer are missing.</summary>
    /// <param name="cancellationToken">The user gave up.</param>
    Task<IReadOnlyList<ServerUsage>> GetUsageAsync(CancellationToken cancellationToken);
}

/// <summary>How an operation ended.</summary>
/// <param name="Failure">What kind of failure; null: it was done.</param>
internal readonly record struct OperationOutcome(string? Failure)
{
    public static readonly OperationOutcome Done;

    /// <summary>A key that was loaded is not there: what is measured is not what was meant.</summary>
    public static readonly OperationOutcome Absent = new("absent");

    /// <summary>It may have happened.</summary>
    public static readonly OperationOutcome Unknown = new("unknown");
}

/// <summary>What a server process has used since it started; null: it does not tell.</summary>
internal sealed record ServerUsage(string Process, TimeSpan ProcessorTime, long? AllocatedBytes, long? DiskBytes, long? Flushes);
