namespace MultiDc.Host.Demo;

/// <summary>
/// Measures how long each shard acknowledged no write around a kill: the longest time between two acknowledgements of which the later one
/// came after the kill.
/// </summary>
internal sealed class WritePauses(int shardCount)
{
    private readonly Lock gate = new();
    private readonly long[] lastAt = new long[shardCount];
    private readonly long[] longest = new long[shardCount];
    private readonly bool[] resumed = new bool[shardCount];

    /// <summary>A write to the shard was acknowledged at this time, in nanoseconds.</summary>
    public void Acknowledged(int shard, long at)
    {
        lock (gate)
        {
            longest[shard] = Math.Max(longest[shard], at - lastAt[shard]);
            lastAt[shard] = Math.Max(lastAt[shard], at);
            resumed[shard] = true;
        }
    }

    /// <summary>Begins to measure: a datacenter is killed at this time.</summary>
    public void Begin(long at)
    {
        lock (gate)
        {
            for (var shard = 0; shard < longest.Length; shard++)
            {
                // Silence before the kill is the workload's, not the kill's.
                lastAt[shard] = at;
                longest[shard] = 0;
                resumed[shard] = false;
            }
        }
    }

    /// <summary>The longest pause over these shards up to this time; a shard that is still silent counts with its whole silence.</summary>
    public (TimeSpan Pause, bool AllResumed) End(IEnumerable<int> shards, long at)
    {
        lock (gate)
        {
            var pause = 0L;
            var all = true;
            foreach (var shard in shards)
            {
                pause = Math.Max(pause, Math.Max(longest[shard], resumed[shard] ? 0 : at - lastAt[shard]));
                all &= resumed[shard];
            }

            return (TimeSpan.FromMicroseconds(pause / 1000.0), all);
        }
    }
}
