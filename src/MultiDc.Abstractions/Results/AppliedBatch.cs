using System.Collections.Immutable;

namespace MultiDc;

/// <summary>One of a <see cref="Grains.BatchOperation"/>'s branches happened, whole and once: a retry is answered the same.</summary>
/// <param name="Revision">The revision it made, of all keys that it changed.</param>
/// <param name="Succeeded">Whether all comparisons held, and so which branch it was: true, <c>Then</c>; false, <c>Else</c>.</param>
/// <param name="Results">What the branch's operations came to, in their order.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.AppliedBatch")]
public sealed record AppliedBatch(Revision Revision, [property: Id(0)] bool Succeeded, [property: Id(1)] ImmutableArray<StepResult> Results) : Applied(Revision)
{
    /// <inheritdoc/>
    public bool Equals(AppliedBatch? other) => base.Equals(other) && Succeeded == other!.Succeeded && Results.SequenceEqual(other.Results);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(base.GetHashCode(), Succeeded, Results.Length);
}

/// <summary>What one operation of a batch came to.</summary>
/// <param name="Entry">Of a <see cref="Grains.GetOperation"/>: the entry as the operations before it left it; null when the key was absent.</param>
/// <param name="Number">Of an add, append or max: what <see cref="AppliedNumber.Number"/> would tell; null of all others.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.StepResult")]
public sealed record StepResult([property: Id(0)] KeyValueEntry? Entry = null, [property: Id(1)] long? Number = null);
