namespace MultiDc.Simulation;

/// <summary>
/// One run of one seed. A safety phase, in which anything may go wrong and every step is checked; then the faults stop and everything must
/// converge and serve; then what only the end can tell.
/// </summary>
internal sealed class SimulationRun(ulong seed, TextWriter? conversation = null)
{
    private static readonly TimeSpan LongestSafetyPhase = TimeSpan.FromMinutes(120);

    /// <summary>Runs it. The same seed gives the same result, always and everywhere.</summary>
    public RunResult Go()
    {
        var plan = RunPlan.Draw(seed);
        var startedAt = System.Diagnostics.Stopwatch.GetTimestamp();
        using var world = new SimulatedWorld(plan, conversation);
        var caller = SynchronizationContext.Current;

        // Somebody else's context would take the pumps' continuations to other threads.
        SynchronizationContext.SetSynchronizationContext(null);
        SafetyViolationException? violation = null;
        try
        {
            foreach (var line in plan.Describe())
            {
                world.Conversation.Tell($"PLAN {line}");
            }

            world.Conversation.Tell($"IDS {string.Join(", ", world.Replicas.Select(static r => $"{r}={r.Id}"))}");
            Go(world);
        }
        catch (SafetyViolationException exception)
        {
            violation = world.Violations.First ?? exception;
            world.Conversation.Tell($"VIOLATION {violation.Message}");
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(caller);
        }

        return new()
        {
            Seed = seed,
            Plan = plan,
            Digest = world.Digest.Value,
            Violation = violation,
            Operations = world.History.Count,
            Answered = world.Answered,
            Faults = world.Faults.Total,
            FaultCounts = world.Faults.Counts,
            RareEventCounts = world.RareEvents.Counts,
            ProbeCounts = world.Probes.Counts,
            Committed = world.Checks.Committed.Last,
            Parcels = world.Network.Sent,
            Occurrences = world.Events.Happened,
            Simulated = world.Events.Now,
            Elapsed = System.Diagnostics.Stopwatch.GetElapsedTime(startedAt),
        };
    }

    private static void Go(SimulatedWorld world)
    {
        world.Clients.ToList().ForEach(client => world.Events.After(world.NextPause(world.Random), client.Begin));
        world.Faults.Begin();
        world.Operator.Begin();
        SafetyPhase(world);
        LivenessPhase(world);
        LinearizableHistory.Check(world);
        ExactlyOnce.Check(world);
        WatchHistories.Check(world);
    }

    private static void SafetyPhase(SimulatedWorld world)
    {
        // Long faults may have kept the clients from their work: then the run goes on until it has shown what it must.
        while (world.Events.Now < world.Plan.SafetyPhase
            || world.Answered < WorkloadPlan.LeastOperations
            || world.Faults.Total < FaultPlan.LeastFaults)
        {
            if (world.Events.Now > LongestSafetyPhase)
            {
                world.Violations.Report(
                    "Load", $"{world.Answered} operations were answered and {world.Faults.Total} faults begun within {LongestSafetyPhase.TotalMinutes} minutes");
            }

            Step(world);
        }
    }

    private static void LivenessPhase(SimulatedWorld world)
    {
        world.Conversation.Tell($"THE FAULTS STOP");
        world.Network.IsCalm = true;
        world.Faults.StopForGood();
        world.Operator.FinishOnly();
        world.ClientsMayBegin = false;
        Converge(world, 40 * world.Plan.ElectionTimeout + TimeSpan.FromSeconds(60));

        // Everybody is served again.
        world.ClientsMayBegin = true;
        var (answered, latest) = (world.Answered, world.Answered);
        var patience = TimeSpan.FromSeconds(20) + (5 * world.Plan.ElectionTimeout);
        var until = world.Events.Now + patience;
        foreach (var client in world.Clients)
        {
            client.Begin();
        }

        while (world.Answered < answered + (3 * world.Clients.Count))
        {
            // With one entry on its way at a time over a slow link, operations wait for each other.
            if (world.Answered > latest)
            {
                (latest, until) = (world.Answered, world.Events.Now + patience);
            }

            if (world.Events.Now > until)
            {
                Convergence.Fail(world, $"only {world.Answered - answered} operations were served");
            }

            Step(world);
        }

        world.ClientsMayBegin = false;
        Converge(world, 20 * world.Plan.ElectionTimeout + TimeSpan.FromSeconds(30));
    }

    // A replica far behind on a slow link may take long, but never so long without getting any further.
    private static void Converge(SimulatedWorld world, TimeSpan withoutProgress)
    {
        var (until, best) = (world.Events.Now + withoutProgress, 0UL);
        var latest = world.Events.Now + LongestSafetyPhase;
        var pokeAt = world.Events.Now + (4 * world.Plan.ElectionTimeout);
        while (Convergence.Missing(world) is { } missing)
        {
            if (Convergence.Progress(world) is var progress && progress > best)
            {
                (until, best) = (world.Events.Now + withoutProgress, progress);
            }

            if (world.Events.Now > until || world.Events.Now > latest)
            {
                Convergence.Fail(world, missing);
            }

            // A group that has fallen silent notices the loss of its leader when somebody wants something.
            if (world.Plan.Node.QuiesceAfterTicks > 0 && world.Events.Now > pokeAt)
            {
                pokeAt = world.Events.Now + (8 * world.Plan.ElectionTimeout);
                world.Clients[0].BeginOne();
            }

            // Looking costs more than a step.
            for (var i = 0; i < 50; i++)
            {
                Step(world);
            }
        }
    }

    private static void Step(SimulatedWorld world)
    {
        if (!world.Events.TryStep())
        {
            world.Violations.Report("Progress", "nothing will ever happen any more");
        }

        world.Violations.ThrowIfAny();
    }
}
