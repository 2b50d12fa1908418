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
/// (1993) with memory as Lowe has it (2017), over an agenda instead of recursion.
/// </summary>
/// <remarks>
/// <para>A configuration is: how many operations have returned (all of them placed), which of those still open are placed, and the register.
/// An operation may be placed next if it started before the first unplaced operation returns. Four rules keep the search small; each loses no order:</para>
/// <para>1. <b>Observers first.</b> An observer (get, cas that answered false) that is possible now is placed now and nothing else is tried: it
/// changes nothing, so moving it here from its later place in any order disturbs no other operation.</para>
/// <para>2. <b>Blind writes are placed when somebody sees them.</b> A blind write directly followed by another is seen by nobody, so its place
/// is known only to be "just before some overwriting". Instead of choosing that place, each overwriting marks all other open writes as
/// <em>may be unseen</em>; a write so marked is dropped free of charge when it has to return, which is
/// the only thing that may come between a write and who sees it. Writing what the register holds already is
/// such a place too. What remains to choose is: which write is seen next (its mark <em>must be seen</em> lets only operations that need its value follow), or
/// that the write about to return is placed without a mark of either kind.</para>
/// <para>3. <b>Unknown outcomes are writes that never have to return.</b> They are thus always droppable, and by rule 2 placed only right
/// before an operation that is impossible without them. In an order with the fewest of them no other is left: one followed by a blind write, or
/// by nothing, can be taken out; one followed by an observer that was possible before can be moved behind it. The one use besides: written over an
/// equal value it hides other writes, so that is tried only if one is left to hide. (Its value alone never tells that an unknown write can be left
/// out: a cas that answered false may need any value but one, and for that a value nobody ever read will do.)</para>
/// <para>4. <b>Equal unknown writes are spent by start.</b> They never return, so the earlier one can stand wherever the later one does.</para>
/// <para>Together with <see cref="VisitedConfigurations"/>: from a configuration that can be completed, some move leads to one whose shortest
/// completion is shorter, and a covering configuration has none longer (shorter: of fewer
/// operations, then with fewer left to return); so the visited configuration with the shortest completion would always have
/// a visited child with a shorter one, and the search cannot run dry while a completion exists.</para>
/// </remarks>
internal sealed partial class RegisterSearch
{
    private const int DepthFirstShare = 16;

    private readonly RegisterHistory _history;
    private readonly ConfigurationLayout _layout;
    private readonly SearchAgenda _agenda;
    private readonly ulong[] _parentWords;
    private readonly ulong[] _childWords;
    private int _expanding = -1;

    private RegisterSearch(RegisterHistory history, bool inTimeOrder)
    {
        _history = history;
        _layout = new(history.SlotCount, history.Unanswered.Length);
        _agenda = inTimeOrder ? new TimeOrderAgenda(_layout) : new DepthFirstAgenda();
        _parentWords = new ulong[_layout.Length];
        _childWords = new ulong[_layout.Length];
        Visited = new(_layout);
    }

    public VisitedConfigurations Visited { get; }

    public SearchOutcome Outcome { get; private set; } = SearchOutcome.OutOfSteps;

    /// <summary>Configurations met, also by a first attempt that was given up.</summary>
    public long Steps { get; private set; }

    /// <summary>The configuration in which the most operations have returned; the last such, as later ones have placed more.</summary>
    public int Furthest { get; private set; }

    public int ReturnedIn(int index) => (int)(Visited[index][0] >> 32);

    public int StateIn(int index) => (int)(uint)Visited[index][0];

    /// <summary>What may be placed next, answered or not, possible or not.</summary>
    public IEnumerable<RegisterStep> UnplacedIn(int index)
    {
        var words = Visited[index].ToArray();
        var returned = ReturnedIn(index);
        var answered = _history.Open[returned].Where(i => !new Configuration(words, _layout).IsPlaced(_history.Slots[i]));
        var unanswered = Enumerable.Range(0, _history.Unanswered.Length).Where(
            i => !new Configuration(words, _layout).IsSpent(i) && _history.Unanswered[i].Start <= _history.Answered[returned].End);
        return answered.Select(i => _history.Steps[i]).Concat(unanswered.Select(i => _history.UnansweredSteps[i]));
    }

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

    /// <summary>
    /// A short attempt depth first, then all that is left of the budget in time order: the first finds orders, the second rules them out.
    /// </summary>
    public static RegisterSearch Run(RegisterHistory history, long stepBudget)
    {
        var attempt = new RegisterSearch(history, inTimeOrder: false);
        attempt.Outcome = attempt.Run(stepBudget / DepthFirstShare);
        attempt.Steps = attempt.Visited.Count;
        if (attempt.Outcome != SearchOutcome.OutOfSteps)
        {
            return attempt;
        }

        var search = new RegisterSearch(history, inTimeOrder: true);
        search.Outcome = search.Run(stepBudget - attempt.Steps);
        search.Steps = attempt.Steps + search.Visited.Count;
        return search;
    }

    private SearchOutcome Run(long stepBudget)
    {
        if (stepBudget == 0)
        {
            return SearchOutcome.OutOfSteps;
        }

        var limit = Math.Min(stepBudget, Visited.Limit);
        Add(Child(), move: -1);
        while (_agenda.TryTake(out _expanding))
        {
            if (ReturnedIn(_expanding) >= ReturnedIn(Furthest))
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
            _agenda.Add(Visited.Count - 1, _childWords);
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
