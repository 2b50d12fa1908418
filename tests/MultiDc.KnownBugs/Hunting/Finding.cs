namespace MultiDc.KnownBugs;

/// <summary>What became of the search for one bug.</summary>
/// <param name="Bug">Which.</param>
/// <param name="Seed">The seed that found it; null: none did, or a test.</param>
/// <param name="Check">The check or test that found it; null: it was not found.</param>
/// <param name="Detail">What was seen.</param>
/// <param name="Elapsed">How long it took.</param>
internal sealed record Finding(KnownBugFile Bug, ulong? Seed, string? Check, string Detail, TimeSpan Elapsed)
{
    public bool IsFound => Check is not null;
}
