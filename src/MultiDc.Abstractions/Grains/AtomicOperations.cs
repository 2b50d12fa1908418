namespace MultiDc.Grains;

/// <summary>
/// Adds to a number, without a read before: the value is decimal text, as <c>INCRBY</c> of Redis has it, and an absent key counts as 0. Answers <see cref="AppliedNumber"/> with the sum;
/// rejected as <see cref="RejectionReason.NotAnInteger"/> or <see cref="RejectionReason.OutOfRange"/>, with nothing changed, when the value is none or the sum has no place in 64 bits.
/// </summary>
/// <param name="Key">The key.</param>
/// <param name="Delta">What to add; may be negative.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.AddOperation")]
public sealed record AddOperation(ReadOnlyMemory<byte> Key, [property: Id(0)] long Delta) : WriteOperation(Key);

/// <summary>
/// Appends to the value; an absent key counts as empty. Answers <see cref="AppliedNumber"/> with the new length in bytes; rejected as <see cref="RejectionReason.OutOfRange"/>,
/// with nothing changed, when that would be more than <see cref="KeyLimits.MaxValueBytes"/>.
/// </summary>
/// <param name="Key">The key.</param>
/// <param name="Value">What comes behind the value.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.AppendOperation")]
public sealed record AppendOperation(ReadOnlyMemory<byte> Key, [property: Id(0)] ReadOnlyMemory<byte> Value) : WriteOperation(Key);

/// <summary>
/// Raises a number to at least this one. An absent key becomes it; one that is as great already is not touched and keeps its revision. Answers <see cref="AppliedNumber"/> with the
/// number that the key has now; rejected as <see cref="RejectionReason.NotAnInteger"/>, with nothing changed, when the value is none.
/// </summary>
/// <param name="Key">The key.</param>
/// <param name="Number">The least that it shall be.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.MaxOperation")]
public sealed record MaxOperation(ReadOnlyMemory<byte> Key, [property: Id(0)] long Number) : WriteOperation(Key);

/// <summary>Reads the entry. Only within a <see cref="BatchOperation"/>.</summary>
/// <param name="Key">The key.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.GetOperation")]
public sealed record GetOperation(ReadOnlyMemory<byte> Key) : WriteOperation(Key);
