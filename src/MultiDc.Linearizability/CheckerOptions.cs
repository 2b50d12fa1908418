namespace MultiDc.Linearizability;

/// <summary>Bounds of a check.</summary>
public sealed record CheckerOptions
{
    /// <summary>
    /// The most configurations the search may hold for one key before it gives up on that key. One takes some tens of bytes and about a
    /// microsecond; the default keeps a key below half a gigabyte at 64 overlapping operations.
    /// </summary>
    public long StepBudgetPerKey { get; init; } = 4_000_000;
}
