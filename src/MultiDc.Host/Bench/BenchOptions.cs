namespace MultiDc.Host.Bench;

/// <summary>What a benchmark does.</summary>
internal sealed record BenchOptions
{
    /// <summary>What is asked for.</summary>
    public required Workload Workload { get; init; }

    /// <summary>How keys are chosen.</summary>
    public required KeyDistribution Distribution { get; init; }

    /// <summary>Logical clients: each has one operation under way at a time.</summary>
    public required int Clients { get; init; }

    /// <summary>Operations that are to begin in a second, whatever becomes of those before (an open loop); null: each client begins the next when the last has ended (a closed loop).</summary>
    public double? Rate { get; init; }

    /// <summary>The keys that are loaded and asked for.</summary>
    public required int Keys { get; init; }

    /// <summary>The size of a value.</summary>
    public required int ValueBytes { get; init; }

    /// <summary>How long it runs before it is measured.</summary>
    public required TimeSpan WarmUp { get; init; }

    /// <summary>How long it is measured.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>When an operation is given up.</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>Where the choices of keys and operations come from.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Whether the keys are written first.</summary>
    public required bool Load { get; init; }
}

/// <summary>How keys are chosen.</summary>
internal enum KeyDistribution
{
    /// <summary>Each as often as any other.</summary>
    Uniform,

    /// <summary>Few often and many seldom, by YCSB's scrambled zipfian generator.</summary>
    Zipfian,
}
