namespace MultiDc;

/// <summary>One change of one key.</summary>
/// <param name="Key">The key.</param>
/// <param name="Entry">What the key holds since; null: it was removed. (Removing a key that is absent changes nothing and is not told.)</param>
/// <param name="PreviousRevision">
/// The revision of the key's change before this one; null: the key was absent. In a watch from the beginning of a key, each event names the one before it.
/// </param>
[GenerateSerializer, Immutable, Alias("MultiDc.WatchEvent")]
public sealed record WatchEvent([property: Id(0)] ReadOnlyMemory<byte> Key, [property: Id(1)] KeyValueEntry? Entry, [property: Id(2)] Revision? PreviousRevision);
