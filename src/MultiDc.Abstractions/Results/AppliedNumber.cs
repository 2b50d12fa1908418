namespace MultiDc;

/// <summary>An <see cref="Grains.AddOperation"/>, <see cref="Grains.AppendOperation"/> or <see cref="Grains.MaxOperation"/> happened, once: a retry is answered the same.</summary>
/// <param name="Revision">The revision it made.</param>
/// <param name="Number">What the key has now: its number, or after an append its length in bytes.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.AppliedNumber")]
public sealed record AppliedNumber(Revision Revision, [property: Id(0)] long Number) : Applied(Revision);
