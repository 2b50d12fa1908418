namespace MultiDc.Linearizability;

/// <summary>A line of a history file is not an operation.</summary>
public sealed class HistoryFormatException : Exception
{
    internal HistoryFormatException(long line, string problem, Exception? inner = null)
        : base($"line {line}: {problem}", inner)
    {
        Line = line;
        Problem = problem;
    }

    /// <summary>The line, counted from 1.</summary>
    public long Line { get; }

    /// <summary>What is wrong with it.</summary>
    public string Problem { get; }
}
