namespace MultiDc.Raft;

/// <summary>
/// A failure domain as the core knows it. The host makes the number from the datacenter's name, the same on every silo; the core only
/// tells tags apart.
/// </summary>
/// <param name="Value">The number; zero is "not told".</param>
public readonly record struct DatacenterTag(ulong Value) : IComparable<DatacenterTag>
{
    /// <summary>Nobody said where the replica is.</summary>
    public static readonly DatacenterTag NotTold;

    /// <summary>Whether nobody said where the replica is.</summary>
    public bool IsNotTold => Value == 0;

    /// <inheritdoc/>
    public int CompareTo(DatacenterTag other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString();
}
