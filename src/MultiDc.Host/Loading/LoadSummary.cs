namespace MultiDc.Host.Loading;

/// <summary>What became of the rows of a file.</summary>
internal sealed record LoadSummary
{
    /// <summary>Rows that are stored.</summary>
    public required long Loaded { get; init; }

    /// <summary>Lines that were no rows.</summary>
    public required long Skipped { get; init; }

    /// <summary>Rows that were refused.</summary>
    public required long Rejected { get; init; }

    /// <summary>Rows that may be stored or not.</summary>
    public required long Unknown { get; init; }

    /// <summary>Rows that nothing was done with, because an earlier one failed.</summary>
    public required long NotTried { get; init; }

    /// <summary>From the first row to the last answer.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>The first row that failed, and how; null when none did.</summary>
    public required (Row Row, WriteResult Result)? FirstFailure { get; init; }

    /// <summary>Something after which no line could be read any more; null when the file was read to its end.</summary>
    public required RowProblem? EndedBy { get; init; }
}
