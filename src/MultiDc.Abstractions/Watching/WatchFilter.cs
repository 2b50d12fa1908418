namespace MultiDc;

/// <summary>Which keys a watch is about: one key, or all that begin with a prefix.</summary>
/// <param name="Bytes">The key, or the prefix.</param>
/// <param name="IsPrefix">Whether it is a prefix.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.WatchFilter")]
public readonly record struct WatchFilter([property: Id(0)] ReadOnlyMemory<byte> Bytes, [property: Id(1)] bool IsPrefix)
{
    /// <summary>One key. Its shard alone is watched, so all its changes come in one order.</summary>
    public static WatchFilter Key(ReadOnlyMemory<byte> key) => new(key, false);

    /// <summary>
    /// All keys that begin with the prefix; empty: all keys. They are spread over all shards of the keyspace, unless the prefix has a whole <c>{tag}</c> in a keyspace that is split by hash: then their
    /// shard alone is watched, as of one key.
    /// </summary>
    public static WatchFilter Prefix(ReadOnlyMemory<byte> prefix) => new(prefix, true);

    /// <summary>Whether the watch is about the key.</summary>
    public bool Matches(ReadOnlySpan<byte> key) => IsPrefix ? key.StartsWith(Bytes.Span) : key.SequenceEqual(Bytes.Span);

    /// <summary>Says what is wrong with the filter, or null.</summary>
    public string? DescribeProblem() => !IsPrefix ? KeyLimits.DescribeKeyProblem(Bytes.Span)
        : Bytes.Length > KeyLimits.MaxKeyBytes ? $"the prefix has {Bytes.Length} bytes; keys have at most {KeyLimits.MaxKeyBytes}"
        : null;
}
