namespace MultiDc.Ring;

/// <summary>Which keys belong to a shard: those whose hashes are in an arc, or those from one key up to another.</summary>
public sealed class KeyRange : IEquatable<KeyRange>
{
    private KeyRange(HashRange? hashes, ReadOnlyMemory<byte> from, ReadOnlyMemory<byte>? before) => (Hashes, From, Before) = (hashes, from, before);

    /// <summary>The arc of a shard of hashed keys; null: the keys themselves are in a range.</summary>
    public HashRange? Hashes { get; }

    /// <summary>The first key of a range of keys; empty: from the least key on.</summary>
    public ReadOnlyMemory<byte> From { get; }

    /// <summary>The first key after a range of keys; null: none.</summary>
    public ReadOnlyMemory<byte>? Before { get; }

    /// <summary>The keys whose hashes are in an arc.</summary>
    public static implicit operator KeyRange(HashRange hashes) => OfHashes(hashes);

    /// <summary>The keys whose hashes are in an arc.</summary>
    public static KeyRange OfHashes(HashRange hashes) => new(hashes, default, null);

    /// <summary>The keys from one on up to another, which is not in it.</summary>
    /// <exception cref="ArgumentException">The other is not greater.</exception>
    public static KeyRange OfKeys(ReadOnlyMemory<byte> from, ReadOnlyMemory<byte>? before) => before is not { } end || from.Span.SequenceCompareTo(end.Span) < 0
        ? new(null, from, before)
        : throw new ArgumentException("the range holds no key", nameof(before));

    /// <summary>Whether the key belongs to it.</summary>
    public bool Contains(ReadOnlySpan<byte> key) => Hashes is { } hashes
        ? hashes.Contains(key)
        : key.SequenceCompareTo(From.Span) >= 0 && (Before is not { } before || key.SequenceCompareTo(before.Span) < 0);

    /// <summary>Whether keys that begin with the prefix may belong to it.</summary>
    public bool MayContainPrefix(ReadOnlySpan<byte> prefix) => Hashes is not null
        || ((Before is not { } before || prefix.SequenceCompareTo(before.Span) < 0) && (From.Span.StartsWith(prefix) || prefix.SequenceCompareTo(From.Span) >= 0));

    /// <inheritdoc/>
    public bool Equals(KeyRange? other) => other is not null && Hashes == other.Hashes && From.Span.SequenceEqual(other.From.Span)
        && Before.HasValue == other.Before.HasValue && Before.GetValueOrDefault().Span.SequenceEqual(other.Before.GetValueOrDefault().Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as KeyRange);

    /// <inheritdoc/>
    public override int GetHashCode() => Hashes is { } hashes ? hashes.GetHashCode() : HashCode.Combine(HashRange.HashOf(From.Span), Before is { } before ? HashRange.HashOf(before.Span) : 0);

    /// <inheritdoc/>
    public override string ToString() => Hashes is { } hashes ? hashes.ToString() : $"keys from {Convert.ToHexString(From.Span)} to {(Before is { } before ? Convert.ToHexString(before.Span) : "the end")}";
}
