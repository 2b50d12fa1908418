namespace MultiDc.Raft;

/// <summary>
/// A reading of one machine's monotonic clock, in nanoseconds since a moment of that clock's own choice. Readings of different machines are
/// never compared, only how fast they advance.
/// </summary>
/// <param name="Nanoseconds">The reading; never negative.</param>
public readonly record struct MonotonicTime(long Nanoseconds) : IComparable<MonotonicTime>
{
    /// <inheritdoc/>
    public int CompareTo(MonotonicTime other) => Nanoseconds.CompareTo(other.Nanoseconds);

    /// <summary>The nanoseconds from the right reading to the left one.</summary>
    public static long operator -(MonotonicTime left, MonotonicTime right) => left.Nanoseconds - right.Nanoseconds;

    /// <summary>Orders by reading.</summary>
    public static bool operator <(MonotonicTime left, MonotonicTime right) => left.Nanoseconds < right.Nanoseconds;

    /// <summary>Orders by reading.</summary>
    public static bool operator >(MonotonicTime left, MonotonicTime right) => left.Nanoseconds > right.Nanoseconds;

    /// <summary>Orders by reading.</summary>
    public static bool operator <=(MonotonicTime left, MonotonicTime right) => left.Nanoseconds <= right.Nanoseconds;

    /// <summary>Orders by reading.</summary>
    public static bool operator >=(MonotonicTime left, MonotonicTime right) => left.Nanoseconds >= right.Nanoseconds;

    /// <summary>The nanoseconds from the right reading to the left one.</summary>
    public static long Subtract(MonotonicTime left, MonotonicTime right) => left - right;

    /// <inheritdoc/>
    public override string ToString() => $"{Nanoseconds} ns";
}
