using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace MultiDc.Host.Loading;

/// <summary>Reads one JSON object per line. Properties and numbers stay as they were written, only white space goes.</summary>
internal static class JsonLinesRowReader
{
    private static readonly JsonDocumentOptions Parsing = new() { AllowDuplicateProperties = false };

    public static IEnumerable<RowLine> Read(Stream stream, string keyColumn)
    {
        var buffer = new ArrayBufferWriter<byte>();
        foreach (var line in ByteLines.Read(stream, RowRules.MaxLineBytes))
        {
            if (line.Bytes is not { } bytes)
            {
                yield return new RowProblem(line.Number, $"the line is longer than {RowRules.MaxLineBytes} bytes");
            }
            else if (!Utf8.IsValid(bytes.Span))
            {
                yield return new RowProblem(line.Number, RowRules.NotUtf8);
            }
            else if (bytes.Span.ContainsAnyExcept((byte)' ', (byte)'\t'))
            {
                yield return ToRow(line.Number, bytes, keyColumn, buffer);
            }
        }
    }

    private static RowLine ToRow(long lineNumber, ReadOnlyMemory<byte> bytes, string keyColumn, ArrayBufferWriter<byte> buffer)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes, Parsing);
            var row = document.RootElement;
            if (row.ValueKind != JsonValueKind.Object)
            {
                return new RowProblem(lineNumber, $"is JSON, but not an object: {Name(row.ValueKind)}");
            }

            if (!row.TryGetProperty(keyColumn, out var keyElement))
            {
                return new RowProblem(lineNumber, $"has no key column '{keyColumn}'");
            }

            var key = keyElement.ValueKind switch
            {
                JsonValueKind.String => keyElement.GetString()!,
                JsonValueKind.Number => keyElement.GetRawText(),
                _ => null,
            };
            if (key is null)
            {
                return new RowProblem(lineNumber, $"the key column '{keyColumn}' is {Name(keyElement.ValueKind)}; it must be a string or a number");
            }

            buffer.ResetWrittenCount();
            using (var json = new Utf8JsonWriter(buffer, RowRules.Writing))
            {
                row.WriteTo(json);
            }

            return RowRules.Judge(lineNumber, keyColumn, key, buffer.WrittenSpan);
        }
        catch (JsonException exception)
        {
            return new RowProblem(lineNumber, $"is not valid JSON: {WithoutPosition(exception)}");
        }
        catch (InvalidOperationException exception)
        {
            // An escaped half of a surrogate pair is valid JSON, but no text.
            return new RowProblem(lineNumber, $"is not valid JSON text: {exception.Message}");
        }
    }

    // The reader counts lines from zero within this one line; only the column means something here.
    private static string WithoutPosition(JsonException exception)
    {
        var end = exception.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        var message = new StringBuilder(end < 0 ? exception.Message : exception.Message[..end]);
        return exception.BytePositionInLine is { } position ? message.Append($" (byte {position + 1})").ToString() : message.ToString();
    }

    private static string Name(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        JsonValueKind.Object => "an object",
        _ => "true or false",
    };
}
