namespace MultiDc.Linearizability;

/// <summary>What a client asked of a key.</summary>
public enum OperationKind
{
    /// <summary>Writes <see cref="Operation.Value"/> whatever was there.</summary>
    Put,

    /// <summary>Reads; <see cref="Operation.Output"/> null means the key was absent.</summary>
    Get,

    /// <summary>Makes the key absent whatever was there.</summary>
    Delete,

    /// <summary>Writes <see cref="Operation.Value"/> if the key holds <see cref="Operation.Expect"/> (null: is absent); answers "true" or "false".</summary>
    Cas,
}

/// <summary>What the client knows about the outcome.</summary>
public enum OperationResult
{
    /// <summary>It happened, at one instant between start and end. A compare-and-set that answered "false" is Ok: it happened and changed nothing.</summary>
    Ok,

    /// <summary>It did not happen and never will.</summary>
    Fail,

    /// <summary>It may happen at any instant after its start, or never. It has no end.</summary>
    Unknown,
}

/// <summary>
/// One operation of one client on one key: a line of a history. Times are nanoseconds of one clock that all clients of the history share.
/// </summary>
public sealed record Operation
{
    /// <summary>Who asked. Only printed: nothing assumes that a client waits for its last answer.</summary>
    public required int Client { get; init; }

    /// <summary>What was asked.</summary>
    public required OperationKind Kind { get; init; }

    /// <summary>The key: keys are independent registers, absent at the start of the history.</summary>
    public required string Key { get; init; }

    /// <summary>What a put or a compare-and-set writes; null for the others.</summary>
    public string? Value { get; init; }

    /// <summary>What a compare-and-set compares with; null means absent, and null for the others.</summary>
    public string? Expect { get; init; }

    /// <summary>When the client sent it, in nanoseconds.</summary>
    public required long Start { get; init; }

    /// <summary>When the client had the answer, in nanoseconds; null exactly when the result is Unknown.</summary>
    public long? End { get; init; }

    /// <summary>What the client knows about the outcome.</summary>
    public required OperationResult Result { get; init; }

    /// <summary>The answer of an Ok get (null: absent) or of an Ok compare-and-set ("true" or "false"); null for the others.</summary>
    public string? Output { get; init; }
}
