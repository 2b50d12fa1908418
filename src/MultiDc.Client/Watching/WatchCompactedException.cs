namespace MultiDc.Client;

/// <summary>
/// A watch can't go on: replicas remember changes only so far back, and what it asks for is no longer among them, because its token is too old or its consumer
/// too slow. Nothing was left out before this. Read the state anew and watch from there.
/// </summary>
public sealed class WatchCompactedException(ShardId shard, Revision asked, Revision oldest)
    : Exception($"shard {shard}: changes after revision {asked} were asked for, and only those after {oldest} are remembered; read the state anew and watch from there")
{
    /// <summary>The shard.</summary>
    public ShardId Shard { get; } = shard;

    /// <summary>After which revision the watch was to go on.</summary>
    public Revision Asked { get; } = asked;

    /// <summary>The oldest revision behind which a watch could go on.</summary>
    public Revision Oldest { get; } = oldest;
}
