namespace MultiDc;

/// <summary>The log index of the entry that made a change: grows with every change within a shard, means nothing across shards.</summary>
/// <param name="Value">The log index.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.Revision")]
public readonly record struct Revision([property: Id(0)] ulong Value) : IComparable<Revision>
{
    /// <inheritdoc/>
    public int CompareTo(Revision other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString();
}
