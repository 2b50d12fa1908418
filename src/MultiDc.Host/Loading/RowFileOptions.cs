namespace MultiDc.Host.Loading;

/// <summary>How a file of rows is written.</summary>
internal enum RowFormat
{
    /// <summary>A header line, then one record per line; RFC 4180.</summary>
    Csv,

    /// <summary>One JSON object per line.</summary>
    JsonLines,
}

/// <summary>How to read a file of rows.</summary>
internal sealed record RowFileOptions
{
    /// <summary>The column (CSV) or property (JSON lines) whose content is the key. Names are compared exactly.</summary>
    public required string KeyColumn { get; init; }

    /// <summary>The format; null: by the file's extension.</summary>
    public RowFormat? Format { get; init; }

    /// <summary>What separates the columns of a CSV file, an ASCII character; null: a comma, in <c>.tsv</c> a tab.</summary>
    public char? Delimiter { get; init; }
}

/// <summary>The file as such cannot be read: the message says why.</summary>
internal sealed class RowFileException(string message, Exception? inner = null) : Exception(message, inner);
