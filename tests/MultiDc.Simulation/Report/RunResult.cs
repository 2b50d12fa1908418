namespace MultiDc.Simulation;

/// <summary>What one run came to.</summary>
internal sealed record RunResult
{
    public required ulong Seed { get; init; }

    public required RunPlan Plan { get; init; }

    /// <summary>Stands for everything that happened, in order.</summary>
    public required ulong Digest { get; init; }

    /// <summary>Null: nothing was wrong.</summary>
    public required SafetyViolationException? Violation { get; init; }

    /// <summary>Client operations that ended, however they ended.</summary>
    public required int Operations { get; init; }

    /// <summary>Client operations that ended with an answer.</summary>
    public required int Answered { get; init; }

    public required long Faults { get; init; }

    public required IReadOnlyList<long> FaultCounts { get; init; }

    public required IReadOnlyList<long> RareEventCounts { get; init; }

    public required IReadOnlyList<long> ProbeCounts { get; init; }

    public required ulong Committed { get; init; }

    public required long Parcels { get; init; }

    public required long Occurrences { get; init; }

    public required TimeSpan Simulated { get; init; }

    public required TimeSpan Elapsed { get; init; }

    public double TimesRealTime => Simulated / Elapsed;
}
