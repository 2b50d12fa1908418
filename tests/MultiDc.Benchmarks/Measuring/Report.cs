using System.Globalization;
using System.Text;
using System.Text.Json;

namespace MultiDc.Benchmarks.Measuring;

/// <summary>Results as they come: a line of a table for people, or one JSON object per line for programs.</summary>
/// <param name="output">Where they go.</param>
/// <param name="json">JSON lines instead of tables.</param>
internal sealed class Report(TextWriter output, bool json)
{
    private string? head;

    /// <summary>Tells one result. Values are text, whole numbers, numbers or <see cref="Spread"/>; null is unknown.</summary>
    public void Add(string benchmark, params (string Name, object? Value)[] figures)
    {
        if (json)
        {
            output.WriteLine(JsonOf(benchmark, figures));
        }
        else
        {
            AddToTable(benchmark, figures);
        }

        output.Flush();
    }

    private void AddToTable(string benchmark, (string Name, object? Value)[] figures)
    {
        var cells = figures.Select(static figure => TextOf(figure.Value)).ToArray();
        var widths = figures.Select(static figure => Math.Max(figure.Name.Length, WidthOf(figure.Value))).ToArray();
        var names = Line(figures.Select(static figure => figure.Name));
        if (names != head)
        {
            output.WriteLine();
            output.WriteLine(benchmark);
            output.WriteLine(names);
            head = names;
        }

        output.WriteLine(Line(cells));

        string Line(IEnumerable<string> texts) => string.Join("  ", texts.Zip(widths, static (text, width) => text.PadLeft(width)));
    }

    private static int WidthOf(object? value) => value switch { Spread => 34, double => 12, int or long => 11, _ => 12 };

    private static string TextOf(object? value) => value switch
    {
        null => "n/a",
        Spread spread => $"{NumberOf(spread.Median)} ({NumberOf(spread.Min)} to {NumberOf(spread.Max)})",
        double number => NumberOf(number),
        IFormattable number => number.ToString("N0", CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };

    private static string NumberOf(double number) => number.ToString(Math.Abs(number) >= 100 ? "N0" : "N2", CultureInfo.InvariantCulture);

    private static string JsonOf(string benchmark, (string Name, object? Value)[] figures)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("benchmark", benchmark);
            foreach (var (name, value) in figures)
            {
                writer.WritePropertyName(name);
                Write(writer, value);
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static void Write(Utf8JsonWriter writer, object? value)
    {
        switch (value)
        {
            case Spread spread:
                writer.WriteStartObject();
                writer.WriteNumber("median", spread.Median);
                writer.WriteNumber("min", spread.Min);
                writer.WriteNumber("max", spread.Max);
                writer.WriteEndObject();
                break;
            case double number:
                writer.WriteNumberValue(number);
                break;
            case int number:
                writer.WriteNumberValue(number);
                break;
            case long number:
                writer.WriteNumberValue(number);
                break;
            case bool flag:
                writer.WriteBooleanValue(flag);
                break;
            default:
                writer.WriteStringValue(value?.ToString());
                break;
        }
    }
}
