namespace MultiDc.Raft;

/// <summary>
/// Names a log entry. Log Matching (§3.5): if two logs contain an entry with the same id, the logs are identical up to it.
/// </summary>
/// <param name="Term">The term of the leader that created the entry.</param>
/// <param name="Index">Its position in the log.</param>
public readonly record struct EntryId(Term Term, LogIndex Index)
{
    /// <summary>The id before the first entry.</summary>
    public static readonly EntryId Zero;

    /// <summary>Whether a log that ends here is at least as up to date as one that ends at <paramref name="other"/> (§3.6.1).</summary>
    public bool IsAtLeastAsUpToDateAs(EntryId other) => Term > other.Term || (Term == other.Term && Index >= other.Index);

    /// <inheritdoc/>
    public override string ToString() => $"{Term}/{Index}";
}
