namespace MultiDc.Linearizability;

/// <summary>How a search ended.</summary>
internal enum SearchOutcome
{
    Found,
    Exhausted,
    OutOfSteps,
}

/// <summary>
/// Looks for one order of the operations of a register that respects real time and explains every answer: the search of Wing and Gong
/// (1993), depth first with memory as Lowe has it (2017), over a heap stack.
/// </summary>
/// <remarks>
/// <para>A configuration is: how many operations have returned (all of them placed), which of those still open are placed, and the register.
/// An operation may be placed next if it started before the first unplaced operation returns. Four rules keep the search small; each loses no order:</para>
/// <para>1. <b>Observers first.</b> An observer (get, cas that answered false) that is possible now is placed now and nothing else is tried: it
/// changes nothing, so moving it here from its later place in any order disturbs no other operation.</para>
/// <para>2. <b>Blind writes are placed when somebody sees them.</b> A blind write directly followed by another is seen by nobody, so its place
/// is known only to be "just before some overwriting". Instead of choosing that place, each overwriting marks all other open writes as
/// <em>may be unseen</em>; a write so marked is dropped free of charge when it has to return. Writing what the register holds already is
/// such a place too. What remains to choose is: which write is seen next (its mark <em>must be seen</em> lets only operations that need its value follow), or
/// that the write about to return is placed without a mark of either kind.</para>
/// <para>3. <b>Unknown outcomes are writes that never have to return.</b> They are thus always droppable, and by rule 2 placed only right
/// before an operation that is impossible without them. In an order with the fewest of them no other is left: one followed by a blind write, or
/// by nothing, can be taken out; one followed by an observer that was possible before can be moved behind it. The one use besides: written over an
/// equal value it hides other writes, so that is tried only if one is left to hide. (Its value alone never tells that an unknown write can be left
/// out: a cas that answered false may need any value but one, and for that a value nobody ever read will do.)</para>
/// <para>4. <b>Equal unknown writes are spent by start.</b> They never return, so the earlier one can stand wherever the later one does.</para>
/// <para>Together with <see cref="VisitedConfigurations"/>: from a configuration that can be completed, some move leads to one whose shortest
/// completion is shorter, and a covering configuration has none longer; so the visited configuration with the shortest completion would always have
/// a visited child with a shorter one, and the search cannot run dry while a completion exists.</para>
/// </remarks>
internal sealed class RegisterSearch
{
    private readonly RegisterHistory _history;
    private readonly ConfigurationLayout _layout;
    private readonly Stack<int> _stack = new();
    private readonly ulong[] _parentWords;
    private readonly ulong[] _childWords;
    private int _expanding = -1;

    public RegisterSearch(RegisterHistory history)
    {
        _history = history;
        _layout = new(history.SlotCount, history.Unanswered.Length);
        _parentWords = new ulong[_layout.Length];
        _childWords = new ulong[_layout.Length];
        Visited = new(_layout);
    }

    public VisitedConfigurations Visited { get; }

    /// <summary>The configuration in which the most operations have returned; the first such.</summary>
    public int Furthest { get; private set; }

    public int ReturnedIn(int index) => (int)(Visited[index][0] >> 32);

    public int StateIn(int index) => (int)(uint)Visited[index][0];

    /// <summary>What the move that led to a configuration placed, and whether unseen; null for the first configuration.</summary>
    public (Operation Operation, bool Unseen)? PlacedBy(int index)
    {
        var move = Visited.MoveOf(index);
        var answered = _history.Answered;
        return move < 0 ? null
            : move < answered.Length ? (answered[move], false)
            : move < 2 * answered.Length ? (answered[move - answered.Length], true)
            : (_history.Unanswered[move - (2 * answered.Length)], false);
    }

    public SearchOutcome Run(long stepBudget)
    {
        var limit = Math.Min(stepBudget, Visited.Limit);
        Add(Child(), move: -1);
        while (_stack.TryPop(out _expanding))
        {
            if (ReturnedIn(_expanding) > ReturnedIn(Furthest))
            {
                Furthest = _expanding;
            }

            if (ReturnedIn(_expanding) == _history.Answered.Length)
            {
                return SearchOutcome.Found;
            }

            // Expanding adds at most one configuration for each open or unanswered operation, and one more.
            if (Visited.Count + _history.Open[ReturnedIn(_expanding)].Length + _history.Unanswered.Length + 1 > limit)
            {
                return SearchOutcome.OutOfSteps;
            }

            Visited[_expanding].CopyTo(_parentWords);
            Expand(new(_parentWords, _layout));
        }

        return SearchOutcome.Exhausted;
    }

    // What is added last is tried first.
    private void Expand(Configuration from)
    {
        if (PlacePossibleObserver(from))
        {
            return;
        }

        SpendUnansweredWrites(from);
        var first = from.Returned;
        var firstIsWrite = _history.Steps[first].Kind == StepKind.Write;
        var firstMayBeUnseen = firstIsWrite && from.MayBeUnseen(_history.Slots[first]);
        if (!from.MustBeSeen)
        {
            if (firstIsWrite && !firstMayBeUnseen)
            {
                PlaceWrite(from, first, mustBeSeen: false);
            }

            PlaceWritesToBeSeen(from);
        }

        // Also while a write must be seen: who sees it may have started only after this one returned.
        if (firstMayBeUnseen)
        {
            var child = Child();
            child.Place(_history.Slots[first]);
            Add(child, _history.Answered.Length + first);
        }

        PlacePossibleExchanges(from);
    }

    private bool PlacePossibleObserver(Configuration from)
    {
        foreach (var i in _history.Open[from.Returned])
        {
            var step = _history.Steps[i];
            if (step.IsObserver && !from.IsPlaced(_history.Slots[i]) && step.IsPossible(from.State))
            {
                var child = Child();
                child.Place(_history.Slots[i]);
                child.MustBeSeen = false;
                Add(child, i);
                return true;
            }
        }

        return false;
    }

    private void SpendUnansweredWrites(Configuration from)
    {
        var now = _history.Answered[from.Returned].End;
        for (var i = _history.Unanswered.Length - 1; i >= 0; i--)
        {
            var step = _history.UnansweredSteps[i];
            var hasEarlierEqual = i > 0 && _history.UnansweredSteps[i - 1] == step && !from.IsSpent(i - 1);
            if (from.IsSpent(i) || hasEarlierEqual || _history.Unanswered[i].Start > now || !step.IsPossible(from.State))
            {
                continue;
            }

            var child = Child();
            if (step.Kind == StepKind.Write)
            {
                if (from.MustBeSeen || !IsWorthWriting(from, step.Written, except: -1))
                {
                    continue;
                }

                Overwrite(child);
            }

            child.Spend(i);
            child.State = step.Written;
            child.MustBeSeen = true;
            if (SomebodySees(child))
            {
                Add(child, (2 * _history.Answered.Length) + i);
            }
        }
    }

    private void PlaceWritesToBeSeen(Configuration from)
    {
        var open = _history.Open[from.Returned];
        for (var n = open.Length - 1; n >= 0; n--)
        {
            var i = open[n];
            var step = _history.Steps[i];
            var slot = _history.Slots[i];
            var isFirstUnmarked = i == from.Returned && !from.MayBeUnseen(slot);
            if (step.Kind == StepKind.Write && !from.IsPlaced(slot) && !isFirstUnmarked && IsWorthWriting(from, step.Written, except: i))
            {
                PlaceWrite(from, i, mustBeSeen: true);
            }
        }
    }

    private void PlacePossibleExchanges(Configuration from)
    {
        foreach (var i in _history.Open[from.Returned])
        {
            var step = _history.Steps[i];
            if (step.Kind == StepKind.Exchange && !from.IsPlaced(_history.Slots[i]) && step.IsPossible(from.State))
            {
                var child = Child();
                child.Place(_history.Slots[i]);
                child.State = step.Written;
                child.MustBeSeen = false;
                Add(child, i);
            }
        }
    }

    private void PlaceWrite(Configuration from, int operation, bool mustBeSeen)
    {
        var child = Child();
        Overwrite(child);
        child.Place(_history.Slots[operation]);
        child.State = _history.Steps[operation].Written;
        child.MustBeSeen = mustBeSeen;

        // Who sees the write of the first operation may start after that has returned; who sees another comes before the first and so is open.
        if (!mustBeSeen || operation == from.Returned || SomebodySees(child))
        {
            Add(child, operation);
        }
    }

    private bool SomebodySees(Configuration child)
    {
        foreach (var i in _history.Open[child.Returned])
        {
            var step = _history.Steps[i];
            if (step.Kind != StepKind.Write && !child.IsPlaced(_history.Slots[i]) && step.IsPossible(child.State))
            {
                return true;
            }
        }

        for (var i = 0; i < _history.Unanswered.Length; i++)
        {
            var step = _history.UnansweredSteps[i];
            if (step.Kind == StepKind.Exchange && !child.IsSpent(i) && step.IsPossible(child.State))
            {
                return true;
            }
        }

        return false;
    }

    // Rule 3: writing what is there already helps only another write that must not be seen.
    private bool IsWorthWriting(Configuration from, int written, int except)
    {
        if (written != from.State)
        {
            return true;
        }

        foreach (var i in _history.Open[from.Returned])
        {
            var slot = _history.Slots[i];
            if (i != except && _history.Steps[i].Kind == StepKind.Write && !from.IsPlaced(slot) && !from.MayBeUnseen(slot))
            {
                return true;
            }
        }

        return false;
    }

    private void Overwrite(Configuration child)
    {
        foreach (var i in _history.Open[child.Returned])
        {
            if (_history.Steps[i].Kind == StepKind.Write)
            {
                child.AllowUnseen(_history.Slots[i]);
            }
        }
    }

    private Configuration Child()
    {
        _parentWords.CopyTo(_childWords, 0);
        return new(_childWords, _layout);
    }

    private void Add(Configuration child, int move)
    {
        LetReturn(child);
        if (Visited.TryAdd(_childWords, _expanding, move))
        {
            _stack.Push(Visited.Count - 1);
        }
    }

    // Brings a configuration to its one form: placed operations return as soon as they can, and marks that cost nothing are set.
    private void LetReturn(Configuration child)
    {
        while (child.Returned < _history.Answered.Length && child.IsPlaced(_history.Slots[child.Returned]))
        {
            child.Release(_history.Slots[child.Returned]);
            child.Returned++;
        }

        if (child.Returned == _history.Answered.Length)
        {
            return;
        }

        foreach (var i in _history.Open[child.Returned])
        {
            if (_history.Steps[i].Kind == StepKind.Write && _history.Steps[i].Written == child.State)
            {
                child.AllowUnseen(_history.Slots[i]);
            }
        }
    }
}
