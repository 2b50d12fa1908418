namespace MultiDc.Host.Loading;

/// <summary>
/// A file of rows to load. Reading is lazy and can be repeated, so that a file larger than the memory can be validated first and loaded
/// afterwards.
/// </summary>
internal sealed class RowFile
{
    private readonly RowFormat format;
    private readonly char delimiter;
    private readonly string keyColumn;

    /// <exception cref="RowFileException">The file is not there, or its format cannot be told.</exception>
    public RowFile(string path, RowFileOptions options)
    {
        if (!File.Exists(path))
        {
            throw new RowFileException(Directory.Exists(path) ? $"{path} is a folder: name a file" : $"file {path} does not exist");
        }

        var extension = System.IO.Path.GetExtension(path).ToLowerInvariant();
        Path = path;
        keyColumn = options.KeyColumn;
        delimiter = options.Delimiter ?? (extension == ".tsv" ? '\t' : ',');
        format = options.Format ?? extension switch
        {
            ".csv" or ".tsv" => RowFormat.Csv,
            ".jsonl" or ".ndjson" => RowFormat.JsonLines,
            _ => throw new RowFileException($"the format of {path} cannot be told from its name: name it .csv, .tsv, .jsonl or .ndjson, or give the format"),
        };
        if (!char.IsAscii(delimiter) || delimiter is '"' or '\r' or '\n')
        {
            throw new RowFileException($"'{delimiter}' cannot be a delimiter: give an ASCII character other than a quote or a line break");
        }
    }

    /// <summary>As it was given.</summary>
    public string Path { get; }

    /// <summary>Every row and every problem, in the order of the file; blank lines are passed over.</summary>
    /// <exception cref="RowFileException">The file cannot be read.</exception>
    public IEnumerable<RowLine> ReadLines()
    {
        using var stream = Open();
        var lines = format == RowFormat.Csv ? CsvRowReader.Read(stream, keyColumn, delimiter) : JsonLinesRowReader.Read(stream, keyColumn);
        foreach (var line in lines)
        {
            yield return line;
        }
    }

    /// <summary>Reads the whole file into memory.</summary>
    /// <exception cref="RowFileException">The file cannot be read, or its format cannot be told.</exception>
    public static RowFileContent Read(string path, RowFileOptions options)
    {
        var rows = new List<Row>();
        var problems = new List<RowProblem>();
        foreach (var line in new RowFile(path, options).ReadLines())
        {
            if (line is Row row)
            {
                rows.Add(row);
            }
            else
            {
                problems.Add((RowProblem)line);
            }
        }

        return new(rows, problems);
    }

    /// <summary>The problem as <c>file:line: reason</c>.</summary>
    public string Describe(RowProblem problem) => $"{Path}:{problem.LineNumber}: {problem.Reason}";

    private FileStream Open()
    {
        try
        {
            return new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 64 * 1024, FileOptions.SequentialScan);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new RowFileException($"file {Path} cannot be read: {exception.Message}", exception);
        }
    }
}

/// <summary>A file of rows in memory.</summary>
/// <param name="Rows">The rows that can be stored, in the order of the file.</param>
/// <param name="Problems">The lines that cannot.</param>
internal sealed record RowFileContent(IReadOnlyList<Row> Rows, IReadOnlyList<RowProblem> Problems);
