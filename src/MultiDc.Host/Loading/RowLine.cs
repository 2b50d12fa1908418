namespace MultiDc.Host.Loading;

/// <summary>What one line (in CSV: one record) of a file turned out to be.</summary>
/// <param name="LineNumber">The line it begins on; the file's first is 1.</param>
internal abstract record RowLine(long LineNumber);

/// <summary>A row that can be stored.</summary>
/// <param name="LineNumber">The line it begins on.</param>
/// <param name="Key">The content of the key column; within <see cref="KeyLimits"/>.</param>
/// <param name="ValueJson">The whole row as compact JSON, columns in the file's order; within <see cref="KeyLimits"/>.</param>
internal sealed record Row(long LineNumber, string Key, string ValueJson) : RowLine(LineNumber);

/// <summary>A line that cannot be stored.</summary>
/// <param name="LineNumber">The line it begins on.</param>
/// <param name="Reason">Why, in words that follow <c>file:line: </c>.</param>
/// <param name="EndsFile">Nothing after it can be read either: the header is wrong, or a quote is never closed.</param>
internal sealed record RowProblem(long LineNumber, string Reason, bool EndsFile = false) : RowLine(LineNumber);
