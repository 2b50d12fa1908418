namespace MultiDc.Linearizability;

/// <summary>What makes an operation well formed: the writer, the reader and the checker refuse the same things in the same words.</summary>
internal static class OperationRules
{
    /// <summary>What is wrong with the operation, or null if nothing is.</summary>
    public static string? Problem(Operation operation) =>
        TimesProblem(operation) ?? ArgumentsProblem(operation) ?? OutputProblem(operation) ?? TextProblem(operation);

    /// <summary>For callers that pass operations as arguments.</summary>
    public static void Require(Operation operation, string parameter)
    {
        if (Problem(operation) is { } problem)
        {
            throw new ArgumentException($"{problem}: {operation}", parameter);
        }
    }

    private static string? TimesProblem(Operation operation) => operation switch
    {
        { Result: OperationResult.Unknown, End: not null } => "an unknown operation has no end",
        { Result: OperationResult.Ok, End: null } => "an ok operation needs an end",
        { Result: OperationResult.Fail, End: null } => "a fail operation needs an end",
        { End: { } end } when end < operation.Start => $"end {end} is before start {operation.Start}",
        _ => null,
    };

    private static string? ArgumentsProblem(Operation operation) => operation switch
    {
        { Kind: OperationKind.Put or OperationKind.Cas, Value: null } => $"a {Name(operation)} needs a value",
        { Kind: OperationKind.Get or OperationKind.Delete, Value: not null } => $"a {Name(operation)} takes no value",
        { Kind: not OperationKind.Cas, Expect: not null } => $"a {Name(operation)} takes no expect",
        _ => null,
    };

    private static string? OutputProblem(Operation operation) => operation switch
    {
        { Result: OperationResult.Ok, Kind: OperationKind.Cas } =>
            operation.Output is "true" or "false" ? null : "the output of an ok cas is \"true\" or \"false\"",
        { Result: OperationResult.Ok, Kind: OperationKind.Get } => null,
        { Output: not null } => $"a {Name(operation)} with result {OperationNames.Of(operation.Result)} has no output",
        _ => null,
    };

    // A lone surrogate does not survive UTF-8: two different keys could become one on their way through a file.
    private static string? TextProblem(Operation operation)
    {
        foreach (var text in (ReadOnlySpan<string?>)[operation.Key, operation.Value, operation.Expect, operation.Output])
        {
            if (text is not null && !IsWellFormed(text))
            {
                return "text with a lone surrogate";
            }
        }

        return null;
    }

    private static bool IsWellFormed(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
            {
                continue;
            }

            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
            {
                return false;
            }

            i++;
        }

        return true;
    }

    private static string Name(Operation operation) => OperationNames.Of(operation.Kind);
}
