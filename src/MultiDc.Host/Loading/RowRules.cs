using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace MultiDc.Host.Loading;

/// <summary>What is the same for every format: how much is read at once, how a row is written, and which rows can be stored.</summary>
internal static class RowRules
{
    /// <summary>
    /// The longest line or record that is looked at, in bytes. Well above what a value may have, so that the refusal can tell the true size
    /// of all but absurd rows; a bound, because a quote that is never closed would otherwise read the rest of the file into memory.
    /// </summary>
    public const int MaxLineBytes = 8 * KeyLimits.MaxValueBytes;

    public const string NotUtf8 = "is not valid UTF-8";

    /// <summary>Text stays readable: only what JSON itself requires is escaped.</summary>
    public static readonly JsonWriterOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The row, or why it cannot be stored.</summary>
    public static RowLine Judge(long lineNumber, string keyColumn, string key, ReadOnlySpan<byte> valueJson) =>
        key.Length == 0 ? new RowProblem(lineNumber, $"the key column '{keyColumn}' is empty")
        : (KeyLimits.DescribeKeyProblem(Encoding.UTF8.GetBytes(key)) ?? KeyLimits.DescribeValueProblem(valueJson)) is { } problem ? new RowProblem(lineNumber, problem)
        : new Row(lineNumber, key, Encoding.UTF8.GetString(valueJson));
}
