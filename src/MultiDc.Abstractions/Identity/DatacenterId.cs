namespace MultiDc;

/// <summary>A datacenter: a failure domain. Silos carry its name in their metadata under <see cref="SiloMetadataKey"/>.</summary>
/// <param name="Value">The name: 1 to 63 of <c>a-z 0-9 -</c>, beginning with a letter.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.DatacenterId")]
public readonly record struct DatacenterId([property: Id(0)] string Value) : IComparable<DatacenterId>
{
    /// <summary>The key of the silo metadata that holds a silo's datacenter.</summary>
    public const string SiloMetadataKey = "multidc.datacenter";

    /// <inheritdoc/>
    public int CompareTo(DatacenterId other) => string.CompareOrdinal(Value, other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value;
}
