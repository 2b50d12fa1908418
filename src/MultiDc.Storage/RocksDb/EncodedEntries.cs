using System.Buffers;

namespace MultiDc.Storage;

/// <summary>
/// The entries of one write, encoded by the caller so that checksums do not queue up on the committer's thread. Requires that they are
/// contiguous.
/// </summary>
internal sealed class EncodedEntries : IBufferWriter<byte>, IDisposable
{
    private readonly int[] ends;
    private byte[] buffer;
    private int written;

    public EncodedEntries(IReadOnlyList<LogEntry> entries)
    {
        ends = new int[entries.Count];
        FirstIndex = entries.Count == 0 ? 0 : entries[0].Index.Value;
        var total = 0;
        foreach (var entry in entries)
        {
            total = checked(total + EntryCodec.EncodedLength(entry));
        }

        buffer = ArrayPool<byte>.Shared.Rent(total);
        for (var i = 0; i < entries.Count; i++)
        {
            Invariant.Require(entries[i].Index.Value == FirstIndex + (ulong)i, "entries of one write are contiguous");
            EntryCodec.Encode(entries[i], this);
            ends[i] = written;
        }
    }

    public int Count => ends.Length;

    public ulong FirstIndex { get; }

    public ulong LastIndex => FirstIndex + (ulong)ends.Length - 1;

    public int SizeBytes => written;

    public ReadOnlySpan<byte> this[int i] => Slice(i).Span;

    public ReadOnlyMemory<byte> Slice(int i)
    {
        var start = i == 0 ? 0 : ends[i - 1];
        return buffer.AsMemory(start, ends[i] - start);
    }

    public void Advance(int count) => written += count;

    public Memory<byte> GetMemory(int sizeHint = 0) => buffer.AsMemory(written);

    public Span<byte> GetSpan(int sizeHint = 0) => buffer.AsSpan(written);

    /// <summary>Gives the buffer back. May be called twice.</summary>
    public void Dispose()
    {
        var rented = Interlocked.Exchange(ref buffer, []);
        if (rented.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
