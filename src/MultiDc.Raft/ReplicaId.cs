namespace MultiDc.Raft;

/// <summary>One member of one Raft group. Never reused for another store: see the founding of a replica in the server.</summary>
/// <param name="Value">The number; zero is "nobody".</param>
public readonly record struct ReplicaId(ulong Value) : IComparable<ReplicaId>
{
    /// <summary>Nobody: no vote cast, no leader known.</summary>
    public static readonly ReplicaId None;

    /// <summary>Whether this names nobody.</summary>
    public bool IsNone => Value == 0;

    /// <inheritdoc/>
    public int CompareTo(ReplicaId other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString();
}
