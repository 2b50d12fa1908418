namespace MultiDc.Linearizability;

/// <content>What may be placed next: the four rules.</content>
internal sealed partial class RegisterSearch
{
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
}
