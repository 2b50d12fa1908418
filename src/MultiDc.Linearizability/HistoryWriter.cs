using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace MultiDc.Linearizability;

/// <summary>
/// Writes operations as NDJSON: one line each, all nine fields, always in the order
/// <c>client, op, key, value, expect, start, end, result, output</c>. Many clients may share one writer.
/// </summary>
/// <param name="stream">Where to; left open.</param>
public sealed class HistoryWriter(Stream stream) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly ArrayBufferWriter<byte> _line = new();
    private readonly Utf8JsonWriter _json = new(Stream.Null, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>Appends one operation, whole or not at all.</summary>
    /// <exception cref="ArgumentException">The operation breaks a rule of the format: the recorder is wrong.</exception>
    public void Write(Operation operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        OperationRules.Require(operation, nameof(operation));
        lock (_gate)
        {
            _line.ResetWrittenCount();
            _json.Reset(_line);
            WriteObject(operation);
            _json.Flush();
            _line.Write("\n"u8);
            stream.Write(_line.WrittenSpan);
        }
    }

    /// <summary>Flushes the stream.</summary>
    public void Flush()
    {
        lock (_gate)
        {
            stream.Flush();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Flush();
        _json.Dispose();
    }

    private void WriteObject(Operation operation)
    {
        _json.WriteStartObject();
        _json.WriteNumber("client"u8, operation.Client);
        _json.WriteString("op"u8, OperationNames.Of(operation.Kind));
        _json.WriteString("key"u8, operation.Key);
        _json.WriteString("value"u8, operation.Value);
        _json.WriteString("expect"u8, operation.Expect);
        _json.WriteNumber("start"u8, operation.Start);
        if (operation.End is { } end)
        {
            _json.WriteNumber("end"u8, end);
        }
        else
        {
            _json.WriteNull("end"u8);
        }

        _json.WriteString("result"u8, OperationNames.Of(operation.Result));
        _json.WriteString("output"u8, operation.Output);
        _json.WriteEndObject();
    }
}
