namespace MultiDc.Simulation;

/// <summary>
/// The processor time of one replica's process: its pump's tasks run here, on the run's only thread, when virtual time says so. A paused
/// process keeps what waits; an ended one drops it, as a killed process does.
/// </summary>
/// <param name="events">Virtual time.</param>
/// <param name="random">Decides how long woken work waits and in which order it runs.</param>
/// <param name="turns">How busy the process is.</param>
/// <param name="violations">Told when something is wrong with the run itself.</param>
/// <param name="afterTurn">Looks at the replica after everything that could run has run.</param>
internal sealed class ProcessScheduler(EventQueue events, RunRandom random, TurnShape turns, Violations violations, Action afterTurn) : TaskScheduler, IOccurrence
{
    private const int MostTasksPerTurn = 200_000;

    private readonly int thread = Environment.CurrentManagedThreadId;
    private readonly List<Task> ready = [];
    private bool isPlanned;
    private bool isPaused;
    private bool isEnded;

    public override int MaximumConcurrencyLevel => 1;

    public void Pause() => isPaused = true;

    public void Resume()
    {
        isPaused = false;
        PlanTurn();
    }

    /// <summary>Nothing runs here any more.</summary>
    public void End()
    {
        isEnded = true;
        ready.Clear();
    }

    public void Happen()
    {
        isPlanned = false;
        if (isPaused || isEnded)
        {
            return;
        }

        for (var tasks = 0; ready.Count > 0; tasks++)
        {
            if (tasks == MostTasksPerTurn)
            {
                violations.Report("Progress", "a pump wakes itself for ever");
            }

            // The product's pumps have several threads, so tasks of one replica that are ready together run in any order.
            var at = turns.ShufflesTasks && ready.Count > 1 ? random.Next(ready.Count) : 0;
            var task = ready[at];
            ready.RemoveAt(at);
            TryExecuteTask(task);
        }

        afterTurn();
    }

    protected override void QueueTask(Task task)
    {
        if (Environment.CurrentManagedThreadId != thread)
        {
            // Whoever sees this has found a hole in the one-thread world: the run would not repeat.
            violations.Report("Determinism", $"work of a replica came back from another thread: {Environment.StackTrace}");
        }

        if (!isEnded)
        {
            ready.Add(task);
            PlanTurn();
        }
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks() => ready;

    private void PlanTurn()
    {
        if (!isPlanned && !isPaused && !isEnded && ready.Count > 0)
        {
            isPlanned = true;
            events.After(turns.Delay(random), this);
        }
    }
}

/// <summary>How soon a process gets to its work, so that what comes meanwhile is done in the same turn.</summary>
/// <param name="MaxDelay">The longest usual wait.</param>
/// <param name="HiccupOneIn">One turn in so many waits <paramref name="Hiccup"/> (a garbage collection); zero: none.</param>
/// <param name="Hiccup">How long a hiccup lasts at most.</param>
/// <param name="ShufflesTasks">Whether tasks that are ready together run in any order.</param>
internal sealed record TurnShape(TimeSpan MaxDelay, int HiccupOneIn, TimeSpan Hiccup, bool ShufflesTasks)
{
    public TimeSpan Delay(RunRandom random) =>
        HiccupOneIn > 0 && random.OneIn(HiccupOneIn) ? random.Between(TimeSpan.Zero, Hiccup)
        : MaxDelay > TimeSpan.Zero ? random.Between(TimeSpan.Zero, MaxDelay)
        : TimeSpan.Zero;
}
