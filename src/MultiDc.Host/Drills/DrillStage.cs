using MultiDc.Storage;

namespace MultiDc.Host.Drills;

/// <summary>A fault that was made, and when, in nanoseconds since the drill's beginning.</summary>
/// <param name="What">In words.</param>
/// <param name="Datacenter">Where.</param>
/// <param name="Shards">The shards whose leaders it hit.</param>
/// <param name="BeganAt">Before it was made.</param>
/// <param name="HealedAt">After it was undone.</param>
internal sealed record MadeFault(string What, string Datacenter, IReadOnlyList<int> Shards, long BeganAt, long HealedAt);

/// <summary>How a silo that had lost its data was filled again.</summary>
/// <param name="Silo">The silo.</param>
/// <param name="Shards">Whose replicas it had.</param>
/// <param name="Refused">Of these, how many were seen without a vote, because their store was another than before.</param>
/// <param name="Length">From the moment the silo served until all replicas ran and had caught up.</param>
internal sealed record Refill(string Silo, IReadOnlyList<int> Shards, int Refused, TimeSpan Length);

/// <summary>What a scenario has to work with: the datacenters, the clock, and a way to make a fault and undo it.</summary>
internal sealed class DrillStage(LocalSystem system, Func<long> now, Action<string> say, TimeProvider time, CancellationToken stop)
{
    private const int LooksUntilRestart = 20;
    private const string SecondActivation = "is activated a second time on purpose";
    private static readonly TimeSpan WholePatience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan LookPause = TimeSpan.FromMilliseconds(500);

    private readonly List<MadeFault> faults = [];
    private readonly List<string> restarted = [];
    private readonly List<Refill> refills = [];

    public LocalSystem System => system;

    public IReadOnlyList<MadeFault> Faults => faults;

    /// <summary>Silos that had ended themselves and were started again, in the order of that.</summary>
    public IReadOnlyList<string> Restarted => restarted;

    /// <summary>How often a replica was activated a second time.</summary>
    public int SecondActivations { get; private set; }

    /// <summary>Silos that lost their data and were filled again.</summary>
    public IReadOnlyList<Refill> Refills => refills;

    /// <summary>The loads, once they run. Asking them for the replicas' status costs next to nothing; a new process each time would be a load of its own.</summary>
    public IReadOnlyDictionary<string, DrillProcess> Loads { get; set; } = new Dictionary<string, DrillProcess>();

    public CancellationToken Stop => stop;

    public Task DoAsync(params string[] verb) => system.DoAsync(stop, verb);

    public Task WaitAsync(TimeSpan length) => Task.Delay(length, time, stop);

    /// <summary>What the replicas say, asked by way of a datacenter.</summary>
    public async Task<ReplicaView> ViewAsync(string from) => ReplicaView.Parse(Loads.TryGetValue(from, out var load)
        ? (await load.OrderAsync("status", stop)).Replace('\t', '\n')
        : await system.AskAsync(stop, "multidc", from, "status", "--json", "--timeout", "30"));

    /// <summary>Lets a silo go on. One that its cluster has declared dead meanwhile ends itself, and is started as its supervisor would.</summary>
    public async Task ResumeAsync(string silo)
    {
        await DoAsync("resume", silo);
        for (var looks = 0; looks < 20; looks++)
        {
            if (await system.StateOfAsync(silo, stop) == "stopped")
            {
                await DoAsync("start", silo);
                return;
            }

            await WaitAsync(LookPause);
        }
    }

    /// <summary>Kills a silo and deletes its data folder.</summary>
    public async Task WipeAsync(string silo)
    {
        await DoAsync("kill", silo);
        await DoAsync("wipe", silo);
    }

    /// <summary>Watches the replicas of a silo that came back without its data, until they are as they were.</summary>
    public async Task WatchRefillAsync(string silo, string datacenter, IReadOnlyList<int> shards)
    {
        var startedAt = time.GetTimestamp();
        var refused = new HashSet<int>();
        for (var view = await ViewAsync(datacenter); !view.IsWhole(system.Silos.Count); view = await ViewAsync(datacenter))
        {
            refused.UnionWith(view.InState(datacenter, "refused", "joining").Intersect(shards));
            if (time.GetElapsedTime(startedAt) > WholePatience)
            {
                throw new DrillFailedException($"{silo} was not refilled within {WholePatience.TotalMinutes:0} minutes; the logs are below {system.Folder}");
            }

            await WaitAsync(LookPause);
        }

        refills.Add(new(silo, shards, refused.Count, time.GetElapsedTime(startedAt)));
        say($"the replicas of shards {string.Join(' ', shards)} run and have caught up; {refused.Count} of {shards.Count} were seen without a vote first");
    }

    /// <summary>Counts the second activations that the silos force by themselves, for a while.</summary>
    public async Task WatchSecondActivationsAsync(TimeSpan length)
    {
        var from = system.FullDatacenters[0];
        var view = await ViewAsync(from);
        var (before, beganAt) = (system.CountInLogs(SecondActivation), now());
        await WaitAsync(length);
        SecondActivations = system.CountInLogs(SecondActivation) - before;
        if (SecondActivations == 0)
        {
            throw new DrillFailedException("no silo forced a second activation: it takes \"up --set MultiDc:UnsafeSecondActivationPeriod=00:00:10\"");
        }

        faults.Add(new($"{SecondActivations} replicas were activated a second time", from, [.. view.LeaderOf.Keys.Order()], beganAt, now()));
    }

    /// <summary>Makes a fault, lets it last and undoes it.</summary>
    public async Task FaultAsync(string what, string datacenter, IReadOnlyList<int> shards, Func<Task> make, TimeSpan length, Func<Task> undo)
    {
        say($"{what}; watching shards {string.Join(' ', shards)}");
        var beganAt = now();
        await make();
        await WaitAsync(length);
        await undo();
        faults.Add(new(what, datacenter, shards, beganAt, now()));
    }

    /// <summary>
    /// Waits until every replica runs, follows a leader and has caught up. Called when nothing is broken on purpose: a silo that has ended itself
    /// (its cluster had declared it dead, as it may on a busy machine while it starts) is started as its supervisor would.
    /// </summary>
    public async Task<ReplicaView> UntilWholeAsync()
    {
        var startedAt = time.GetTimestamp();
        var from = system.Datacenters.First();
        for (var (looks, trouble) = (1, ""); ; looks++, await WaitAsync(LookPause))
        {
            try
            {
                var view = await ViewAsync(from);
                if (view.IsWhole(system.Silos.Count))
                {
                    return view;
                }

                if (looks % LooksUntilRestart == 0)
                {
                    await StartStoppedAsync();
                }
            }
            catch (DrillFailedException exception)
            {
                trouble = $": {exception.Message}";
            }

            if (time.GetElapsedTime(startedAt) > WholePatience)
            {
                throw new DrillFailedException($"not all replicas came back within {WholePatience.TotalMinutes:0} minutes{trouble}; the logs are below {system.Folder}");
            }
        }
    }

    /// <summary>Stops the silos of a datacenter in good order, looks at their stores and starts them again.</summary>
    public async Task InspectStoresAsync(string datacenter, Action<StoreInspection> look)
    {
        foreach (var silo in system.Silos[datacenter])
        {
            if (await system.StateOfAsync(silo, stop) != "stopped")
            {
                await DoAsync("stop", silo);
            }
        }

        try
        {
            foreach (var silo in system.Silos[datacenter])
            {
                using var store = StoreInspection.Open(Path.Combine(system.Folder, silo, "store"));
                look(store);
            }
        }
        finally
        {
            foreach (var silo in system.Silos[datacenter])
            {
                await DoAsync("start", silo, "--no-wait");
            }
        }
    }

    private async Task StartStoppedAsync()
    {
        foreach (var silo in system.Silos.Values.SelectMany(static silos => silos))
        {
            if (await system.StateOfAsync(silo, stop) == "stopped")
            {
                say($"{silo} has ended itself and is started again");
                restarted.Add(silo);
                await DoAsync("start", silo, "--no-wait");
            }
        }
    }
}
