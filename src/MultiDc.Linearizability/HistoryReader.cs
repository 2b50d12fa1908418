namespace MultiDc.Linearizability;

/// <summary>Reads what <see cref="HistoryWriter"/> writes, a line at a time. Strict: a history that is wrong anywhere proves nothing.</summary>
public static class HistoryReader
{
    /// <summary>The longest line it accepts, in bytes: what bounds its memory.</summary>
    public const int MaxLineBytes = 16 * 1024 * 1024;

    /// <summary>The operations of the stream in file order; the fields of a line may come in any order. The last line may lack its newline.</summary>
    /// <exception cref="HistoryFormatException">While enumerating: a line is not a well-formed operation.</exception>
    public static IEnumerable<Operation> Read(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return ReadLines(stream);
    }

    private static IEnumerable<Operation> ReadLines(Stream stream)
    {
        var buffer = new byte[64 * 1024];
        var begin = 0;
        var filled = 0;
        long line = 0;
        while (true)
        {
            for (int length; (length = buffer.AsSpan(begin, filled - begin).IndexOf((byte)'\n')) >= 0; begin += length + 1)
            {
                yield return OperationParser.Parse(buffer.AsSpan(begin, length), ++line);
            }

            buffer.AsSpan(begin, filled - begin).CopyTo(buffer);
            filled -= begin;
            begin = 0;
            if (filled == buffer.Length)
            {
                if (filled >= MaxLineBytes)
                {
                    throw new HistoryFormatException(line + 1, $"longer than {MaxLineBytes} bytes");
                }

                Array.Resize(ref buffer, Math.Min(buffer.Length * 2, MaxLineBytes));
            }

            var read = stream.Read(buffer, filled, buffer.Length - filled);
            if (read == 0)
            {
                break;
            }

            filled += read;
        }

        if (filled > 0)
        {
            yield return OperationParser.Parse(buffer.AsSpan(0, filled), ++line);
        }
    }
}
