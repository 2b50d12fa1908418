namespace MultiDc.Linearizability.Tests;

/// <summary>
/// The definition, written down: some subset of the unknown operations happened, and some permutation of what happened respects real time and
/// gives every answer. Shares no code with the checker. One key, a few operations.
/// </summary>
internal static class BruteForce
{
    public static bool IsLinearizable(IReadOnlyList<Operation> history) =>
        Extend([.. history.Where(o => o.Result != OperationResult.Fail)], register: null);

    private static bool Extend(List<Operation> left, string? register)
    {
        if (left.All(o => o.Result == OperationResult.Unknown))
        {
            return true;
        }

        foreach (var next in left)
        {
            if (left.Any(o => o.End < next.Start))
            {
                continue;
            }

            var (after, answer) = next.Kind switch
            {
                OperationKind.Put => (next.Value, null),
                OperationKind.Delete => (null, null),
                OperationKind.Get => (register, register),
                _ when register == next.Expect => (next.Value, "true"),
                _ => (register, "false"),
            };
            if (next.Result == OperationResult.Ok && answer != next.Output)
            {
                continue;
            }

            if (Extend([.. left.Where(o => !ReferenceEquals(o, next))], after))
            {
                return true;
            }
        }

        return false;
    }
}
