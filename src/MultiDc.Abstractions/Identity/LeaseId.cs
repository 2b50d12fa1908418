namespace MultiDc;

/// <summary>A lease of one shard: the revision of the grant, so never used twice.</summary>
/// <param name="Value">The log index of the granting entry; zero: none.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.LeaseId")]
public readonly record struct LeaseId([property: Id(0)] ulong Value) : IComparable<LeaseId>
{
    /// <summary>Whether this names no lease.</summary>
    public bool IsNone => Value == 0;

    /// <inheritdoc/>
    public int CompareTo(LeaseId other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString();
}
