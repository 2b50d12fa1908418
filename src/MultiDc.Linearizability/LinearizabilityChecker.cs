namespace MultiDc.Linearizability;

/// <summary>
/// Decides whether a history of puts, gets, deletes and compare-and-sets on string registers is linearizable (Herlihy and Wing 1990).
/// Pure and deterministic.
/// </summary>
/// <remarks>
/// Linearizability is local (Herlihy and Wing, theorem 1) and no operation touches two keys, so each key is decided by itself.
/// Operations whose times touch are concurrent. Memory is that of the largest key.
/// </remarks>
public static class LinearizabilityChecker
{
    /// <summary>Checks every key, also after a violation was found.</summary>
    /// <param name="history">The operations in any order. All keys are absent at first.</param>
    /// <param name="options">Bounds; null for the defaults.</param>
    /// <exception cref="ArgumentException">An operation breaks a rule of the format.</exception>
    public static Verdict Check(IEnumerable<Operation> history, CheckerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(history);
        options ??= new();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.StepBudgetPerKey, nameof(options));

        var byKey = GroupByKey(history);
        var violations = new List<KeyViolation>();
        var undecided = new List<string>();
        long steps = 0;
        foreach (var (key, operations) in byKey)
        {
            var register = new RegisterHistory(operations);
            var search = RegisterSearch.Run(register, options.StepBudgetPerKey);
            switch (search.Outcome)
            {
                case SearchOutcome.Exhausted:
                    violations.Add(ViolationReport.Of(key, operations, register, search));
                    break;
                case SearchOutcome.OutOfSteps:
                    undecided.Add(key);
                    break;
            }

            steps += search.Steps;
        }

        return violations.Count > 0 ? new Violation(violations, undecided, steps)
            : undecided.Count > 0 ? new Undecided(undecided, steps)
            : new Linearizable(byKey.Values.Sum(o => o.Count), byKey.Count, steps);
    }

    private static SortedDictionary<string, List<Operation>> GroupByKey(IEnumerable<Operation> history)
    {
        var byKey = new SortedDictionary<string, List<Operation>>(StringComparer.Ordinal);
        foreach (var operation in history)
        {
            OperationRules.Require(operation, nameof(history));
            if (!byKey.TryGetValue(operation.Key, out var operations))
            {
                byKey.Add(operation.Key, operations = []);
            }

            operations.Add(operation);
        }

        return byKey;
    }
}
