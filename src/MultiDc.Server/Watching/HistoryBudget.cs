namespace MultiDc.Server.Watching;

/// <summary>
/// What the change histories of a silo's replicas may hold together. When it is exceeded the largest gives way, so that a busy shard takes nothing from
/// those that have little.
/// </summary>
internal sealed class HistoryBudget(long maxBytes)
{
    private readonly Lock trimming = new();
    private readonly List<ChangeHistory> histories = [];
    private long totalBytes;

    public long TotalBytes => Interlocked.Read(ref totalBytes);

    public void Join(ChangeHistory history)
    {
        lock (trimming)
        {
            histories.Add(history);
        }
    }

    public void Leave(ChangeHistory history)
    {
        lock (trimming)
        {
            histories.Remove(history);
        }
    }

    /// <summary>A history has grown or shrunk. Called with its lock held, unlike <see cref="Trim"/>.</summary>
    public void Count(long bytes) => Interlocked.Add(ref totalBytes, bytes);

    /// <summary>Makes room if there is too much, an eighth more than needed, so that this is not done for every change.</summary>
    public void Trim()
    {
        if (TotalBytes <= maxBytes)
        {
            return;
        }

        lock (trimming)
        {
            while (TotalBytes is var total && total > maxBytes)
            {
                // Every history keeps its newest revision; where that is all there is, the next largest gives way.
                if (!histories.OrderByDescending(static history => history.Bytes)
                    .Any(history => history.Evict(Math.Min(total - maxBytes + (maxBytes / 8), Math.Max(1, history.Bytes / 2)))))
                {
                    return;
                }
            }
        }
    }
}
