namespace MultiDc.Storage;

/// <summary>The full name of a replica: <c>keyspace/shard@datacenter</c>, the key of its grain.</summary>
/// <param name="Value">The name; at most 256 bytes in UTF-8.</param>
public readonly record struct ReplicaName(string Value)
{
    /// <inheritdoc/>
    public override string ToString() => Value;
}

/// <summary>Counts the openings of a replica; only the highest may write (DESIGN: two activations of one replica).</summary>
/// <param name="Value">The count; 1 for the first opening.</param>
public readonly record struct Epoch(ulong Value)
{
    /// <inheritdoc/>
    public override string ToString() => Value.ToString();
}

/// <summary>Made once with a store; a wiped or replaced store has another <see cref="StoreId"/>, and its replicas are strangers to their groups.</summary>
/// <param name="ClusterId">The system the store belongs to: all datacenters of one MultiDc share it.</param>
/// <param name="StoreId">Random and unique.</param>
public sealed record StoreIdentity(string ClusterId, Guid StoreId);

/// <summary>Whether a store acknowledges writes.</summary>
public enum StoreHealth
{
    /// <summary>All is well.</summary>
    Ok,

    /// <summary>No space: reads work, writes are refused with <see cref="StoreFullException"/> until there is space again.</summary>
    ReadOnly,

    /// <summary>A write or sync failed: nothing is acknowledged any more; the process must restart and recover from disk.</summary>
    Failed,

    /// <summary>The database cannot be reached: what is asked fails with <see cref="StoreUnavailableException"/> until it is back.</summary>
    Unavailable,
}

/// <summary>A later opening of the replica exists: this one must end at once and say nothing more.</summary>
public sealed class FencedException(ReplicaName replica, Epoch epoch, Epoch current)
    : Exception($"replica {replica}: epoch {epoch} is fenced by epoch {current}, opened later")
{
    /// <summary>The replica.</summary>
    public ReplicaName Replica { get; } = replica;
}

/// <summary>There is no space for the write. Nothing was written; reads go on.</summary>
public sealed class StoreFullException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>The store failed for good: it acknowledges nothing more and must be reopened by a new process.</summary>
public sealed class StoreFailedException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>
/// The store's database was not reached, or went away before it said what became of a write. The opening has ended and the write may have
/// happened: whoever opens the replica again sees whether it did. The store itself comes back when its database does.
/// </summary>
public sealed class StoreUnavailableException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>The store cannot be opened as it is: in use by another process, of another cluster, of an unknown format, or unwritable.</summary>
public sealed class StoreOpenException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>Entries were to be written that do not join the stored log: a bug in the caller.</summary>
public sealed class LogGapException(string message) : InvalidOperationException(message);

/// <summary>
/// A stored record is not what was written: its checksum, version or place is wrong, or the log has a hole. Nothing was truncated or
/// repaired; the replica must not vote and is refilled from its peers as a new member.
/// </summary>
/// <param name="replica">Whose record it is; null for a record that belongs to no replica.</param>
/// <param name="key">The key of the record, as LAYOUT.md writes it.</param>
/// <param name="problem">What is wrong with it.</param>
/// <param name="inner">What the decoder or the database said.</param>
public sealed class StoreCorruptedException(ReplicaName? replica, string key, string problem, Exception? inner = null)
    : IOException($"{(replica is { } name ? $"replica {name}" : "the store")}: the record {key} is corrupted: {problem}", inner)
{
    /// <summary>Whose record it is; null for a record that belongs to no replica.</summary>
    public ReplicaName? Replica { get; } = replica;

    /// <summary>The key of the record, as LAYOUT.md writes it.</summary>
    public string Key { get; } = key;

    /// <summary>What is wrong with it.</summary>
    public string Problem { get; } = problem;
}
