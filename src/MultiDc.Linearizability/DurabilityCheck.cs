namespace MultiDc.Linearizability;

/// <summary>Whether acknowledged writes are still there when everything has ended.</summary>
public static class DurabilityCheck
{
    /// <summary>
    /// The keys whose final value no order of the history explains: an acknowledged write was lost, a failed one happened, or a value came from nowhere.
    /// Asks the checker about the history with one get per key after everything else.
    /// </summary>
    /// <param name="history">All operations.</param>
    /// <param name="finalState">What a read of each key gave after the last operation had ended. A key that is not in it was found absent.</param>
    /// <param name="options">Bounds; null for the defaults.</param>
    public static DurabilityReport LostWrites(
        IEnumerable<Operation> history, IReadOnlyDictionary<string, string?> finalState, CheckerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(history);
        ArgumentNullException.ThrowIfNull(finalState);
        var operations = history.ToList();
        var after = operations.Count == 0 ? 0 : checked(operations.Max(o => Math.Max(o.Start, o.End ?? o.Start)) + 1);
        var keys = operations.Select(o => o.Key).Concat(finalState.Keys).Distinct().ToArray();
        var reads = keys.Select(key => new Operation
        {
            Client = FinalReader,
            Kind = OperationKind.Get,
            Key = key,
            Start = after,
            End = after,
            Result = OperationResult.Ok,
            Output = finalState.GetValueOrDefault(key),
        });
        return LinearizabilityChecker.Check(operations.Concat(reads), options) switch
        {
            Violation violation => new(violation.Keys, violation.UndecidedKeys),
            Undecided undecided => new([], undecided.Keys),
            _ => new([], []),
        };
    }

    /// <summary>The client number of the final reads in explanations.</summary>
    public const int FinalReader = -1;
}

/// <summary>What <see cref="DurabilityCheck"/> found.</summary>
/// <param name="Lost">Keys that are not explained. If <see cref="KeyViolation.Stuck"/> is a read of client -1 the final value is to blame, else the history already was.</param>
/// <param name="UndecidedKeys">Keys that took too many steps: nothing is known about them.</param>
public sealed record DurabilityReport(IReadOnlyList<KeyViolation> Lost, IReadOnlyList<string> UndecidedKeys)
{
    /// <summary>Nothing lost and nothing undecided.</summary>
    public bool IsDurable => Lost.Count == 0 && UndecidedKeys.Count == 0;
}
