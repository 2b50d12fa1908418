namespace MultiDc.Raft;

/// <summary>
/// The appends to one follower that are not answered yet (§10.2.1), bounded by count and by bytes. Full means that nothing more is sent; the
/// append that fills the window by bytes may exceed it, so that a window smaller than an entry does not stop the follower for ever.
/// </summary>
internal sealed class InflightAppends(int maxCount, long maxBytes)
{
    private readonly Queue<(LogIndex Last, long Bytes)> appends = [];

    public int Count => appends.Count;

    public long Bytes { get; private set; }

    public bool IsFull => appends.Count >= maxCount || Bytes >= maxBytes;

    /// <summary>The last entries of the appends, ascending.</summary>
    public IEnumerable<LogIndex> Ends => appends.Select(static append => append.Last);

    /// <summary>An append left that ends at <paramref name="last"/>, beyond all before it.</summary>
    public void Add(LogIndex last, long bytes)
    {
        Invariant.Require(!IsFull, "the pipeline is bounded");
        appends.Enqueue((last, bytes));
        Bytes += bytes;
    }

    /// <summary>The follower holds everything up to <paramref name="match"/>.</summary>
    public void FreeUpTo(LogIndex match)
    {
        while (appends.TryPeek(out var first) && first.Last <= match)
        {
            appends.Dequeue();
            Bytes -= first.Bytes;
        }
    }

    public void Clear()
    {
        appends.Clear();
        Bytes = 0;
    }
}
