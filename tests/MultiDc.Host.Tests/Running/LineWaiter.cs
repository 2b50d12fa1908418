using System.Text;

namespace MultiDc.Host.Tests.Running;

/// <summary>Collects what is written, and tells when a text has appeared.</summary>
internal sealed class LineWaiter : TextWriter
{
    private readonly Lock writing = new();
    private readonly StringBuilder written = new();
    private readonly List<(string Text, TaskCompletionSource Seen)> waiting = [];

    public override Encoding Encoding => Encoding.UTF8;

    public Task WaitForAsync(string text)
    {
        lock (writing)
        {
            var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            waiting.Add((text, seen));
            Look();
            return seen.Task;
        }
    }

    public override void Write(char value) => Write(value.ToString());

    public override void Write(string? value)
    {
        lock (writing)
        {
            written.Append(value);
            Look();
        }
    }

    public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

    public override void WriteLine(string? value) => Write(value + NewLine);

    public override Task WriteLineAsync(string? value)
    {
        WriteLine(value);
        return Task.CompletedTask;
    }

    public override string ToString()
    {
        lock (writing)
        {
            return written.ToString();
        }
    }

    private void Look()
    {
        var text = written.ToString();
        foreach (var (wanted, seen) in waiting)
        {
            if (text.Contains(wanted, StringComparison.Ordinal))
            {
                seen.TrySetResult();
            }
        }
    }
}
