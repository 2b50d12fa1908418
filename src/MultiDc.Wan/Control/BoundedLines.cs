using System.Text;

namespace MultiDc.Wan.Control;

/// <summary>Reads lines of a bounded length.</summary>
internal sealed class BoundedLines(StreamReader reader, int maxCharacters) : IDisposable
{
    private readonly char[] buffer = new char[4096];
    private int start;
    private int end;

    /// <summary>The next line; null at the end.</summary>
    /// <exception cref="IOException">The line is too long.</exception>
    public async ValueTask<string?> ReadAsync(CancellationToken cancellationToken)
    {
        var line = new StringBuilder();
        while (true)
        {
            if (start == end)
            {
                (start, end) = (0, await reader.ReadAsync(buffer.AsMemory(), cancellationToken).ConfigureAwait(false));
                if (end == 0)
                {
                    return line.Length > 0 ? line.ToString() : null;
                }
            }

            var newLine = Array.IndexOf(buffer, '\n', start, end - start);
            var upTo = newLine < 0 ? end : newLine;
            line.Append(buffer, start, upTo - start);
            start = newLine < 0 ? end : newLine + 1;
            if (line.Length > maxCharacters)
            {
                throw new IOException($"a line of more than {maxCharacters} characters");
            }

            if (newLine >= 0)
            {
                return line.ToString();
            }
        }
    }

    public void Dispose() => reader.Dispose();
}
