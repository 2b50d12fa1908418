namespace MultiDc.Routing.Shards;

/// <summary>How patiently a shard's leader is looked for.</summary>
public sealed class ShardRouterOptions
{
    /// <summary>
    /// How long one replica may take to answer before the next is asked. A black-holed datacenter costs this once per request, so no longer than an election
    /// usually takes there: whoever asks sooner asks in vain, whoever asks later prolongs the pause. Twice the measured round trip is added, for the way there and
    /// for a commit over a link as slow. Default: 800 ms.
    /// </summary>
    public TimeSpan AttemptTimeout { get; set; } = TimeSpan.FromMilliseconds(800);

    /// <summary>The first pause when no replica leads; doubles up to <see cref="MaxBackoff"/>, with jitter. Default: 10 ms.</summary>
    public TimeSpan MinBackoff { get; set; } = TimeSpan.FromMilliseconds(10);

    /// <summary>The longest such pause. Default: 100 ms.</summary>
    public TimeSpan MaxBackoff { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// How long the own datacenter's replica, and each next one, may take to get as far as a session has seen, before another is asked. Longer than a heartbeat period,
    /// after which a follower knows what was committed. Default: 250 ms.
    /// </summary>
    public TimeSpan SessionReadWait { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Breaks session reads on purpose, to see that tests notice: what the session has seen is not heeded. Never set this. Default: false.</summary>
    public bool UnsafeReadsWithoutSession { get; set; }

    /// <summary>
    /// The most requests (writes and linearizable reads) that this process has under way on one shard. It is a bound of a limit that finds itself: it grows while answers come
    /// promptly, within a quarter of what an attempt may take, and shrinks when they do not, or replicas refuse for being overloaded. Default: 1024.
    /// </summary>
    public int MaxConcurrentRequestsPerShard { get; set; } = 1024;

    /// <summary>What that limit does not shrink below, however slow the answers are. Default: 16.</summary>
    public int MinConcurrentRequestsPerShard { get; set; } = 16;

    /// <summary>
    /// The most requests that wait in this process until others of the shard have been answered, each for at most half of its caller's patience; further ones are refused at once, as
    /// <see cref="RejectionReason.Overloaded"/>. Default: 512.
    /// </summary>
    public int MaxWaitingRequestsPerShard { get; set; } = 512;

    /// <summary>The most writes this process has under way on one shard; further ones wait their turn until their deadline. Default: 256.</summary>
    public int MaxConcurrentWritesPerShard { get; set; } = 256;

    /// <summary>What cannot work, in sentences for the operator.</summary>
    public IEnumerable<string> Problems()
    {
        if (MinConcurrentRequestsPerShard < 1 || MaxConcurrentRequestsPerShard < MinConcurrentRequestsPerShard)
        {
            yield return $"Router:MaxConcurrentRequestsPerShard {MaxConcurrentRequestsPerShard} and MinConcurrentRequestsPerShard {MinConcurrentRequestsPerShard} must be at least 1, and the first no less than the second";
        }

        if (MaxWaitingRequestsPerShard < 0)
        {
            yield return $"Router:MaxWaitingRequestsPerShard {MaxWaitingRequestsPerShard} is negative";
        }

        if (MaxConcurrentWritesPerShard < 1)
        {
            yield return $"Router:MaxConcurrentWritesPerShard {MaxConcurrentWritesPerShard} is less than 1";
        }
    }
}
