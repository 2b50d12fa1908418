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

    // The search writes only what somebody sees. Here nobody need: add what the writes still open and those of unknown outcome can leave.
    private static List<string> PossibleValues(RegisterHistory register, RegisterSearch search)
    {
        var furthest = search.ReturnedIn(search.Furthest);
        var possible = new HashSet<int>();
        for (var i = 0; i < search.Visited.Count; i++)
        {
            if (search.ReturnedIn(i) == furthest)
            {
                possible.UnionWith(LeftBehind(search, i));
            }
        }

        return [.. possible.OrderBy(v => v == RegisterValues.Unread).ThenBy(v => v).Select(register.Values.Describe)];
    }

    private static HashSet<int> LeftBehind(RegisterSearch search, int index)
    {
        var steps = search.UnplacedIn(index).Where(s => !s.IsObserver).ToArray();
        var values = new HashSet<int> { search.StateIn(index) };
        var count = 0;
        while (count != values.Count)
        {
            count = values.Count;
            values.UnionWith(steps.Where(s => s.Kind == StepKind.Write || values.Contains(s.Compared)).Select(s => s.Written));
        }

        return values;
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
