using System.Runtime.CompilerServices;

namespace MultiDc.Simulation;

/// <summary>
/// Everything that happens in a run, in words, one line each with its virtual time. Only written when a run is replayed: lines are
/// interpolated strings that cost nothing while nobody listens.
/// </summary>
internal sealed class Conversation(EventQueue events, TextWriter? output)
{
    public bool IsHeard => output is not null;

    public void Tell([InterpolatedStringHandlerArgument("")] Line line)
    {
        if (output is not null)
        {
            Write(line.ToText());
        }
    }

    public void Tell([InterpolatedStringHandlerArgument("")] Line line, Parcel parcel)
    {
        if (output is not null)
        {
            Write(line.ToText() + parcel.Describe());
        }
    }

    private void Write(string text) => output!.WriteLine($"{events.Now.TotalSeconds,11:0.00000}  {text}");

    /// <summary>A line that is put together only when somebody listens.</summary>
    [InterpolatedStringHandler]
    internal ref struct Line
    {
        private DefaultInterpolatedStringHandler text;

        public Line(int literalLength, int formattedCount, Conversation conversation, out bool isHeard)
        {
            isHeard = conversation.IsHeard;
            text = isHeard ? new(literalLength, formattedCount) : default;
        }

        public void AppendLiteral(string literal) => text.AppendLiteral(literal);

        public void AppendFormatted<T>(T value) => text.AppendFormatted(value);

        public void AppendFormatted<T>(T value, string? format) => text.AppendFormatted(value, format);

        public void AppendFormatted<T>(T value, int alignment) => text.AppendFormatted(value, alignment);

        public string ToText() => text.ToStringAndClear();
    }
}
