using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using MultiDc.Host.Loading;

namespace MultiDc.Host.Output;

/// <summary>Writes one JSON object per line.</summary>
internal static class JsonLine
{
    public static void Write(TextWriter output, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, RowRules.Writing))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        output.WriteLine(Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    /// <summary>Bytes that are UTF-8 as text, others as base64 under the name with <c>Base64</c> behind it.</summary>
    public static void WriteBytes(Utf8JsonWriter json, string name, ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes))
        {
            json.WriteString(name, bytes);
        }
        else
        {
            json.WriteBase64String($"{name}Base64", bytes);
        }
    }
}
