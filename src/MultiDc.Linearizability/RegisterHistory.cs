namespace MultiDc.Linearizability;

/// <summary>
/// The history of one key, prepared for the search. Answered operations are numbered in the order of their ends, so "the first n have
/// returned" is one number. Each also owns a slot from its start to its end; two operations share a slot only if they do not overlap,
/// so a set of overlapping operations is a few bits, however long the history is.
/// Failed operations and gets without an answer say nothing and are left out.
/// </summary>
internal sealed class RegisterHistory
{
    public RegisterHistory(IReadOnlyCollection<Operation> operations)
    {
        Answered = [.. operations.Where(o => o.Result == OperationResult.Ok).OrderBy(o => o.End).ThenBy(o => o.Start)];
        var unanswered = operations.Where(o => o.Result == OperationResult.Unknown && o.Kind != OperationKind.Get);
        Values = new(Answered.Concat(unanswered));
        Steps = Array.ConvertAll(Answered, Values.StepOf);

        // An unanswered exchange of a value for itself can have changed nothing.
        var writes = unanswered.Select(o => (Operation: o, Step: Values.StepOf(o))).Where(w => !w.Step.IsObserver)
            .OrderBy(w => w.Step.Kind).ThenBy(w => w.Step.Compared).ThenBy(w => w.Step.Written).ThenBy(w => w.Operation.Start).ToArray();
        Unanswered = Array.ConvertAll(writes, w => w.Operation);
        UnansweredSteps = Array.ConvertAll(writes, w => w.Step);

        Slots = new int[Answered.Length];
        Open = new int[Answered.Length][];
        AssignSlots();
    }

    /// <summary>The answered operations by end.</summary>
    public Operation[] Answered { get; }

    /// <summary>What each answered operation does.</summary>
    public RegisterStep[] Steps { get; }

    /// <summary>The writes of unknown outcome, equal ones side by side and these by start.</summary>
    public Operation[] Unanswered { get; }

    /// <summary>What each of them does if it takes effect.</summary>
    public RegisterStep[] UnansweredSteps { get; }

    /// <summary>The slot of each answered operation.</summary>
    public int[] Slots { get; }

    /// <summary>How many slots there are: the most answered operations that overlap.</summary>
    public int SlotCount { get; private set; }

    /// <summary>
    /// By n: the answered operations that may take effect when exactly the first n have returned, i.e. those that started no later than
    /// n ends. An operation that starts at the very instant at which another ends counts as concurrent with it.
    /// </summary>
    public int[][] Open { get; }

    /// <summary>The values of the key.</summary>
    public RegisterValues Values { get; }

    private void AssignSlots()
    {
        var byStart = Enumerable.Range(0, Answered.Length).OrderBy(i => Answered[i].Start).ToArray();
        var open = new SortedSet<int>();
        var free = new Stack<int>();
        var started = 0;
        for (var first = 0; first < Answered.Length; first++)
        {
            for (; started < byStart.Length && Answered[byStart[started]].Start <= Answered[first].End; started++)
            {
                Slots[byStart[started]] = free.TryPop(out var slot) ? slot : SlotCount++;
                open.Add(byStart[started]);
            }

            Open[first] = [.. open];
            open.Remove(first);
            free.Push(Slots[first]);
        }
    }
}
