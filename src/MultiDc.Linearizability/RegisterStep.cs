namespace MultiDc.Linearizability;

/// <summary>How an operation meets the register.</summary>
internal enum StepKind
{
    /// <summary>An observer: possible when the register holds the compared value; changes nothing.</summary>
    Equal,

    /// <summary>An observer: possible when the register holds anything but the compared value; changes nothing.</summary>
    Differ,

    /// <summary>A conditional write: possible when the register holds the compared value.</summary>
    Exchange,

    /// <summary>A blind write: always possible.</summary>
    Write,
}

/// <summary>One operation over interned values; <see cref="Absent"/> stands for an absent key.</summary>
internal readonly record struct RegisterStep(StepKind Kind, int Compared, int Written)
{
    public const int Absent = 0;

    public bool IsObserver => Kind is StepKind.Equal or StepKind.Differ;

    public bool IsPossible(int state) => Kind switch
    {
        StepKind.Write => true,
        StepKind.Differ => state != Compared,
        _ => state == Compared,
    };
}
