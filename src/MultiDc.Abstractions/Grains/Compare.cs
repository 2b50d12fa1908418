namespace MultiDc.Grains;

/// <summary>What of a key is compared. The numbers are in the log.</summary>
public enum CompareTarget
{
    /// <summary>The value; an absent key has none, which equals nothing.</summary>
    Value = 1,

    /// <summary>The revision that created the key; 0 when it is absent.</summary>
    CreateRevision = 2,

    /// <summary>The revision of its last change; 0 when it is absent.</summary>
    ModifyRevision = 3,

    /// <summary>How many revisions have written it since it was created; 0 when it is absent.</summary>
    Version = 4,
}

/// <summary>How what a key has must relate to what is given. The numbers are in the log.</summary>
public enum CompareRelation
{
    /// <summary>It is the same.</summary>
    Equal = 1,

    /// <summary>It is less.</summary>
    Less = 2,

    /// <summary>It is greater.</summary>
    Greater = 3,
}

/// <summary>One condition of a <see cref="BatchOperation"/>.</summary>
/// <param name="Key">The key.</param>
/// <param name="Target">What of it.</param>
/// <param name="Relation">How it must relate to <paramref name="Value"/> or <paramref name="Number"/>; values can only be equal.</param>
/// <param name="Value">With <see cref="CompareTarget.Value"/>: the value.</param>
/// <param name="Number">With all others: the number.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.Compare")]
public sealed record Compare(
    [property: Id(0)] ReadOnlyMemory<byte> Key,
    [property: Id(1)] CompareTarget Target,
    [property: Id(2)] CompareRelation Relation,
    [property: Id(3)] ReadOnlyMemory<byte> Value,
    [property: Id(4)] ulong Number)
{
    /// <summary>The key exists.</summary>
    public static Compare Exists(ReadOnlyMemory<byte> key) => Version(key, CompareRelation.Greater, 0);

    /// <summary>The key is absent.</summary>
    public static Compare Absent(ReadOnlyMemory<byte> key) => Version(key, CompareRelation.Equal, 0);

    /// <summary>The key exists and has this value.</summary>
    public static Compare ValueEquals(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value) => new(key, CompareTarget.Value, CompareRelation.Equal, value, 0);

    /// <summary>The revision that created the key, 0 when it is absent, relates so to this one: it is <see cref="CompareRelation.Less"/> than this one, for example.</summary>
    public static Compare CreateRevision(ReadOnlyMemory<byte> key, CompareRelation relation, Revision revision) =>
        new(key, CompareTarget.CreateRevision, relation, default, revision.Value);

    /// <summary>The revision of the key's last change, 0 when it is absent, relates so to this one.</summary>
    public static Compare ModifyRevision(ReadOnlyMemory<byte> key, CompareRelation relation, Revision revision) =>
        new(key, CompareTarget.ModifyRevision, relation, default, revision.Value);

    /// <summary>How many revisions have written the key since it was created, 0 when it is absent, relates so to this number.</summary>
    public static Compare Version(ReadOnlyMemory<byte> key, CompareRelation relation, ulong version) => new(key, CompareTarget.Version, relation, default, version);

    /// <summary>Whether it holds of the entry that the key has; null: absent.</summary>
    public bool HoldsOf(KeyValueEntry? present) => Target switch
    {
        CompareTarget.Value => present is not null && present.Value.Span.SequenceEqual(Value.Span),
        CompareTarget.CreateRevision => Relates(present?.CreateRevision.Value ?? 0),
        CompareTarget.ModifyRevision => Relates(present?.ModifyRevision.Value ?? 0),
        _ => Relates(present?.Version ?? 0),
    };

    /// <summary>Says what is wrong with the condition, or null.</summary>
    public string? DescribeProblem() =>
        !Enum.IsDefined(Target) ? $"nothing of a key is called {Target}"
        : !Enum.IsDefined(Relation) ? $"nothing relates as {Relation}"
        : Target == CompareTarget.Value && Relation != CompareRelation.Equal ? "values can only be compared for equality"
        : KeyLimits.DescribeKeyProblem(Key.Span) ?? KeyLimits.DescribeValueProblem(Value.Span);

    private bool Relates(ulong number) => Relation switch
    {
        CompareRelation.Equal => number == Number,
        CompareRelation.Less => number < Number,
        _ => number > Number,
    };
}
