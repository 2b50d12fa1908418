using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;
using CsvHelper;

namespace MultiDc.Host.Loading;

/// <summary>Reads CSV (RFC 4180) with a header. Every column becomes a JSON string; nothing is guessed about types.</summary>
internal static class CsvRowReader
{
    public static IEnumerable<RowLine> Read(Stream stream, string keyColumn, char delimiter)
    {
        var malformed = new Queue<RowProblem>();
        using var csv = CsvReader.Create(stream, new CsvReaderOptions
        {
            Separator = delimiter,
            TrackLineNumbers = true,
            MaxRecordSize = RowRules.MaxLineBytes,
            MalformedData = CsvMalformedDataHandling.Skip,
            OnMalformedRecord = record => malformed.Enqueue(new(record.LineNumber, Describe(record.Reason), record.Reason == CsvMalformedReason.UnterminatedQuote)),
        });
        if (DescribeHeader(csv, malformed, keyColumn) is { } headerProblem)
        {
            yield return headerProblem;
            yield break;
        }

        var columns = csv.Headers.ToArray();
        var keyIndex = Array.IndexOf(columns, keyColumn);
        var buffer = new ArrayBufferWriter<byte>();
        while (true)
        {
            var (more, tooLong) = ReadNext(csv);
            while (malformed.TryDequeue(out var problem))
            {
                yield return problem;
            }

            if (tooLong is not null)
            {
                yield return tooLong;
            }

            if (!more)
            {
                yield break;
            }

            yield return ToRow(csv, columns, keyIndex, buffer);
        }
    }

    private static RowProblem? DescribeHeader(CsvReader csv, Queue<RowProblem> malformed, string keyColumn)
    {
        try
        {
            csv.ReadHeader();
        }
        catch (CsvFormatException exception)
        {
            return TooLong(exception.LineNumber);
        }

        // A malformed header is passed over like any record, and the reader would take the next line for it.
        if (malformed.TryDequeue(out var problem))
        {
            return problem with { Reason = $"the header cannot be read: {problem.Reason}", EndsFile = true };
        }

        var headers = csv.Headers;
        var twice = headers.GroupBy(static h => h).FirstOrDefault(static g => g.Count() > 1)?.Key;
        var reason = headers.Count == 0 ? "there is no header line"
            : headers.Any(static h => h.Contains('\uFFFD')) ? $"the header {RowRules.NotUtf8}"
            : headers.Any(string.IsNullOrWhiteSpace) ? $"the header has a column without a name, number {headers.TakeWhile(static h => !string.IsNullOrWhiteSpace(h)).Count() + 1}"
            : twice is not null ? $"the header has the column '{twice}' more than once"
            : !headers.Contains(keyColumn) ? $"there is no key column '{keyColumn}'; there are {string.Join(", ", headers.Select(static h => $"'{h}'"))}"
            : null;
        return reason is null ? null : new RowProblem(1, reason, EndsFile: true);
    }

    private static (bool More, RowProblem? TooLong) ReadNext(CsvReader csv)
    {
        try
        {
            return (csv.Read(), null);
        }
        catch (CsvFormatException exception)
        {
            return (false, TooLong(exception.LineNumber));
        }
    }

    private static RowLine ToRow(CsvReader csv, string[] columns, int keyIndex, ArrayBufferWriter<byte> buffer)
    {
        if (!Utf8.IsValid(csv.RawRecord))
        {
            return new RowProblem(csv.LineNumber, RowRules.NotUtf8);
        }

        if (csv.FieldCount != columns.Length)
        {
            return new RowProblem(csv.LineNumber, $"has {csv.FieldCount} columns; the header has {columns.Length}");
        }

        buffer.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(buffer, RowRules.Writing))
        {
            json.WriteStartObject();
            for (var i = 0; i < columns.Length; i++)
            {
                json.WriteString(columns[i], csv.GetSpan(i));
            }

            json.WriteEndObject();
        }

        return RowRules.Judge(csv.LineNumber, columns[keyIndex], csv.GetString(keyIndex), buffer.WrittenSpan);
    }

    private static RowProblem TooLong(long lineNumber) =>
        new(lineNumber, $"the record is longer than {RowRules.MaxLineBytes} bytes: is a quote not closed?", EndsFile: true);

    private static string Describe(CsvMalformedReason reason) => reason switch
    {
        CsvMalformedReason.StrayQuote => "has a quote inside a field that is not quoted",
        CsvMalformedReason.TextAfterClosingQuote => "has text after the closing quote of a field",
        CsvMalformedReason.UnterminatedQuote => "has a quote that is never closed",
        _ => $"is malformed ({reason})",
    };
}
