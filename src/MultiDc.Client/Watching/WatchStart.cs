namespace MultiDc.Client;

/// <summary>Where a watch begins.</summary>
public readonly record struct WatchStart
{
    private WatchStart(WatchToken? token, Revision? revision) => (Token, Revision) = (token, revision);

    /// <summary>
    /// From now on: whatever is written after the first batch came, a progress mark, is told. What was written shortly before may be, too.
    /// </summary>
    public static WatchStart Now => default;

    /// <summary>Where an earlier watch was, of the same keyspace; of one key's or tag's shard if that was, of all shards if that was.</summary>
    public WatchToken? Token { get; }

    /// <summary>The revision of the key's shard.</summary>
    public Revision? Revision { get; }

    /// <summary>Right behind a batch of an earlier watch.</summary>
    public static WatchStart After(WatchToken token) => new(token ?? throw new ArgumentNullException(nameof(token)), null);

    /// <summary>
    /// Right behind a revision of the key's shard, for a watch of one key, or of a prefix with a whole <c>{tag}</c>: after <see cref="ReadServed.Revision"/> of a read, or <see cref="Applied.Revision"/>
    /// of a write, the watch tells all that came later.
    /// </summary>
    public static WatchStart After(Revision revision) => new(null, revision);
}
