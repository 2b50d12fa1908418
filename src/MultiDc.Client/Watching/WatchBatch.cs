namespace MultiDc.Client;

/// <summary>All that one revision of one shard changed and the watch is about; or, without events, a progress mark.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Revision">The revision; of a progress mark, up to where everything was told.</param>
/// <param name="Events">The changes, all of this revision. Empty: a progress mark.</param>
/// <param name="Token">With this a later watch goes on right behind this batch. Keep it once the batch is dealt with.</param>
public sealed record WatchBatch(ShardId Shard, Revision Revision, IReadOnlyList<WatchEvent> Events, WatchToken Token)
{
    /// <summary>Whether nothing has changed, and only <see cref="Token"/> is newer.</summary>
    public bool IsProgress => Events.Count == 0;
}
