namespace MultiDc.Grains;

/// <summary>What a write does, to one key unless it is a <see cref="BatchOperation"/>.</summary>
/// <param name="Key">The key; see <see cref="KeyLimits"/>.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.WriteOperation")]
public abstract record WriteOperation([property: Id(0)] ReadOnlyMemory<byte> Key)
{
    /// <summary>The fencing token that must not be stale; null: none.</summary>
    [Id(1)]
    public Guard? Guard { get; init; }
}

/// <summary>Sets the value.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">Its new value.</param>
[GenerateSerializer, Immutable, SuppressReferenceTracking, Alias("MultiDc.PutOperation")]
public sealed record PutOperation(ReadOnlyMemory<byte> Key, [property: Id(0)] ReadOnlyMemory<byte> Value) : WriteOperation(Key)
{
    /// <summary>
    /// The lease that the key is bound to from now on, and goes with; default: none, also if it was bound before. (A compare-and-set unbinds, too; add, append and max leave it as it is.) Rejected as <see cref="RejectionReason.LeaseNotFound"/> when there is no such lease.
    /// </summary>
    [Id(1)]
    public LeaseId Lease { get; init; }
}

/// <summary>Removes the key; applied also when it is absent.</summary>
/// <param name="Key">The key.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.DeleteOperation")]
public sealed record DeleteOperation(ReadOnlyMemory<byte> Key) : WriteOperation(Key);

/// <summary>Sets the value if the present one is as expected, else is rejected as <see cref="RejectionReason.PreconditionFailed"/>.</summary>
/// <param name="Key">The key.</param>
/// <param name="Expected">The value the key must have; null: it must be absent.</param>
/// <param name="Value">Its new value.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.CompareAndSetOperation")]
public sealed record CompareAndSetOperation(
    ReadOnlyMemory<byte> Key, [property: Id(0)] ReadOnlyMemory<byte>? Expected, [property: Id(1)] ReadOnlyMemory<byte> Value) : WriteOperation(Key);
