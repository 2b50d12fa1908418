namespace MultiDc.Host.Loading;

/// <summary>A line as its bytes, without its line break.</summary>
/// <param name="Number">The file's first is 1.</param>
/// <param name="Bytes">Valid until the next line is asked for; null when the line is longer than the limit.</param>
internal readonly record struct ByteLine(long Number, ReadOnlyMemory<byte>? Bytes);

/// <summary>Splits a stream into lines without decoding it, so that a line of bad UTF-8 stays a line with a number.</summary>
internal static class ByteLines
{
    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    public static IEnumerable<ByteLine> Read(Stream stream, int maxBytes)
    {
        var buffer = new byte[64 * 1024];
        var (start, end) = (0, 0);
        var number = 1L;
        var overlong = false;
        if (stream.ReadAtLeast(buffer.AsSpan(0, ByteOrderMark.Length), ByteOrderMark.Length, throwOnEndOfStream: false) is var first && first > 0)
        {
            (start, end) = (buffer.AsSpan(0, first).SequenceEqual(ByteOrderMark) ? first : 0, first);
        }

        while (true)
        {
            for (int length; (length = buffer.AsSpan(start, end - start).IndexOf((byte)'\n')) >= 0; start += length + 1)
            {
                yield return Line(start, length);
                number++;
                overlong = false;
            }

            if (end - start > maxBytes)
            {
                // The rest of this line is dropped as it comes, so that memory stays bounded.
                overlong = true;
                start = end;
            }

            if (start > 0)
            {
                buffer.AsSpan(start, end - start).CopyTo(buffer);
                (start, end) = (0, end - start);
            }
            else if (end == buffer.Length)
            {
                Array.Resize(ref buffer, 2 * buffer.Length);
            }

            var read = stream.Read(buffer, end, buffer.Length - end);
            if (read == 0)
            {
                break;
            }

            end += read;
        }

        if (end > start || overlong)
        {
            yield return Line(start, end - start);
        }

        ByteLine Line(int from, int length)
        {
            var bytes = buffer.AsMemory(from, length);
            return overlong || length > maxBytes ? new(number, null) : new(number, bytes.Length > 0 && bytes.Span[^1] == '\r' ? bytes[..^1] : bytes);
        }
    }
}
