namespace MultiDc.Linearizability;

/// <summary>Turns an exhausted search into an explanation.</summary>
internal static class ViolationReport
{
    public static KeyViolation Of(string key, List<Operation> operations, RegisterHistory register, RegisterSearch search)
    {
        // A write can always be placed when it has to return, so what no configuration gets past is a get or a compare-and-set.
        var stuck = register.Answered[search.ReturnedIn(search.Furthest)];
        var prefix = PrefixOf(search);
        var placed = prefix.Select(p => p.Operation).ToHashSet(ReferenceEqualityComparer.Instance);
        return new()
        {
            Key = key,
            Operations = operations.Count,
            Stuck = stuck,
            PossibleValues = PossibleValues(register, search),
            Prefix = prefix,
            Unplaced = [.. operations.Where(o => !ReferenceEquals(o, stuck) && !placed.Contains(o) && Overlap(o, stuck)).OrderBy(o => o.Start)],
            WritesOfNeededValue = [.. operations.Where(o => !ReferenceEquals(o, stuck) && WritesWhatItNeeds(o, stuck)).OrderBy(o => o.Start)],
        };
    }

    private static List<PlacedOperation> PrefixOf(RegisterSearch search)
    {
        var prefix = new List<PlacedOperation>();
        for (var i = search.Furthest; search.PlacedBy(i) is var (operation, unseen); i = search.Visited.ParentOf(i))
        {
            prefix.Add(new(operation, unseen));
        }

        prefix.Reverse();
        return prefix;
    }

    private static List<string> PossibleValues(RegisterHistory register, RegisterSearch search)
    {
        var furthest = search.ReturnedIn(search.Furthest);
        return [.. Enumerable.Range(0, search.Visited.Count).Where(i => search.ReturnedIn(i) == furthest)
            .Select(search.StateIn).Distinct().Order().Select(register.Values.Describe)];
    }

    private static bool Overlap(Operation a, Operation b) =>
        a.Result != OperationResult.Fail && a.Start <= b.End && (a.End is null || a.End >= b.Start);

    private static bool WritesWhatItNeeds(Operation write, Operation stuck)
    {
        if (stuck is { Kind: OperationKind.Cas, Output: "false" })
        {
            return false;
        }

        var needed = stuck.Kind == OperationKind.Get ? stuck.Output : stuck.Expect;
        return write.Kind switch
        {
            OperationKind.Put => write.Value == needed,
            OperationKind.Delete => needed is null,
            OperationKind.Cas => write.Value == needed && write.Output != "false",
            _ => false,
        };
    }
}
