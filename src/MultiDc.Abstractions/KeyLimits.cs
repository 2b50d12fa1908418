namespace MultiDc;

/// <summary>The greatest sizes a key and a value may have. Fixed, because all datacenters must agree on what a log entry may hold.</summary>
public static class KeyLimits
{
    /// <summary>The most bytes of a key; the least is one.</summary>
    public const int MaxKeyBytes = 1024;

    /// <summary>The most bytes of a value: 1 MiB.</summary>
    public const int MaxValueBytes = 1024 * 1024;

    /// <summary>Says what is wrong with a key, in a sentence for people; null: nothing.</summary>
    public static string? DescribeKeyProblem(ReadOnlySpan<byte> key) => key.Length switch
    {
        0 => "the key is empty",
        > MaxKeyBytes => $"the key has {key.Length} bytes; at most {MaxKeyBytes} are allowed",
        _ => null,
    };

    /// <summary>Says what is wrong with a value, in a sentence for people; null: nothing.</summary>
    public static string? DescribeValueProblem(ReadOnlySpan<byte> value) =>
        value.Length > MaxValueBytes ? $"the value has {value.Length} bytes; at most {MaxValueBytes} are allowed" : null;
}
