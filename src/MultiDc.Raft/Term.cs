namespace MultiDc.Raft;

/// <summary>A Raft term: a logical clock that numbers elections (Ongaro's dissertation §3.3).</summary>
/// <param name="Value">The number; zero is "none".</param>
public readonly record struct Term(ulong Value) : IComparable<Term>
{
    /// <summary>Zero: before the first.</summary>
    public static readonly Term Zero;

    /// <summary>The next one.</summary>
    public Term Next() => new(checked(Value + 1));

    /// <inheritdoc/>
    public int CompareTo(Term other) => Value.CompareTo(other.Value);

    /// <summary>Orders by value.</summary>
    public static bool operator <(Term left, Term right) => left.Value < right.Value;

    /// <summary>Orders by value.</summary>
    public static bool operator >(Term left, Term right) => left.Value > right.Value;

    /// <summary>Orders by value.</summary>
    public static bool operator <=(Term left, Term right) => left.Value <= right.Value;

    /// <summary>Orders by value.</summary>
    public static bool operator >=(Term left, Term right) => left.Value >= right.Value;

    /// <inheritdoc/>
    public override string ToString() => Value.ToString();
}
