namespace MultiDc.Simulation;

/// <summary>Something that happens at one moment of virtual time.</summary>
internal interface IOccurrence
{
    void Happen();
}

/// <summary>
/// Virtual time: nothing passes but from one occurrence to the next. What is due at the same moment happens in the order in which it was
/// planned, so a run has exactly one order of everything.
/// </summary>
internal sealed class EventQueue
{
    private Planned[] heap = new Planned[256];
    private int count;
    private ulong plannedSoFar;

    private readonly record struct Planned(long Ticks, ulong Order, IOccurrence Occurrence)
    {
        public bool IsBefore(in Planned other) => Ticks < other.Ticks || (Ticks == other.Ticks && Order < other.Order);
    }

    /// <summary>The time since the run began.</summary>
    public TimeSpan Now { get; private set; }

    /// <summary>How many occurrences happened so far.</summary>
    public long Happened { get; private set; }

    public void At(TimeSpan when, IOccurrence occurrence)
    {
        if (count == heap.Length)
        {
            Array.Resize(ref heap, 2 * count);
        }

        // Nothing happens in the past.
        var planned = new Planned(Math.Max(when.Ticks, Now.Ticks), plannedSoFar++, occurrence);
        var at = count++;
        while (at > 0 && planned.IsBefore(heap[(at - 1) / 2]))
        {
            heap[at] = heap[(at - 1) / 2];
            at = (at - 1) / 2;
        }

        heap[at] = planned;
    }

    public void After(TimeSpan delay, IOccurrence occurrence) => At(Now + delay, occurrence);

    public void After(TimeSpan delay, Action action) => At(Now + delay, new ActionOccurrence(action));

    /// <summary>Lets the next occurrence happen; false when none is planned.</summary>
    public bool TryStep()
    {
        if (count == 0)
        {
            return false;
        }

        var next = heap[0];
        RemoveFirst();
        Now = new TimeSpan(next.Ticks);
        Happened++;
        next.Occurrence.Happen();
        return true;
    }

    private void RemoveFirst()
    {
        var last = heap[--count];
        heap[count] = default;
        var at = 0;
        for (var child = 1; child < count; child = (2 * at) + 1)
        {
            if (child + 1 < count && heap[child + 1].IsBefore(heap[child]))
            {
                child++;
            }

            if (!heap[child].IsBefore(last))
            {
                break;
            }

            heap[at] = heap[child];
            at = child;
        }

        if (count > 0)
        {
            heap[at] = last;
        }
    }

    private sealed class ActionOccurrence(Action action) : IOccurrence
    {
        public void Happen() => action();
    }
}
