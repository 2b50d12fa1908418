namespace MultiDc.Simulation;

/// <summary>A fault that has begun.</summary>
/// <param name="What">In words.</param>
/// <param name="End">Takes back what it did; null: nothing to take back.</param>
internal sealed record Fault(string What, Action? End)
{
    /// <summary>How long it lasts at least, to show anything.</summary>
    public TimeSpan AtLeast { get; init; }
}

/// <summary>
/// Brings faults about while the safety phase lasts: draws a kind, begins it if it can be had just now, and ends it after a while. Faults
/// overlap. How each kind works is told in the parts of this class, one per layer.
/// </summary>
internal sealed partial class FaultInjector(SimulatedWorld world, RunRandom random)
{
    private readonly FaultPlan plan = world.Plan.Faults;
    private readonly long[] counts = new long[Enum.GetValues<FaultKind>().Length];
    private readonly List<Fault> active = [];
    private bool isCalm;

    /// <summary>How many of each kind have begun.</summary>
    public IReadOnlyList<long> Counts => counts;

    public long Total { get; private set; }

    private IReadOnlyList<SimulatedReplica> Replicas => world.Replicas;

    private TimeSpan Length => random.Around(plan.Length);

    public void Begin() => world.Events.After(random.Around(plan.Pause), Strike);

    /// <summary>All faults end, and none comes any more.</summary>
    public void StopForGood()
    {
        isCalm = true;
        while (active.Count > 0)
        {
            End(active[^1]);
        }
    }

    private void Strike()
    {
        if (isCalm)
        {
            return;
        }

        world.Events.After(random.Around(plan.Pause), Strike);
        Strike(DrawKind());
    }

    /// <summary>Begins a fault of the kind; false when it cannot be had just now.</summary>
    public bool Strike(FaultKind kind)
    {
        if (Begin(kind) is not { } fault)
        {
            return false;
        }

        Began(kind, fault);
        return true;
    }

    private void Began(FaultKind kind, Fault fault)
    {
        counts[(int)kind]++;
        Total++;
        world.Digest.Add(DigestTag.Fault, (ulong)kind);
        world.Conversation.Tell($"FAULT {kind}: {fault.What}");
        if (fault.End is not null)
        {
            active.Add(fault);
            world.Events.After(fault.AtLeast + Length, () => End(fault));
        }
    }

    private void End(Fault fault)
    {
        if (active.Remove(fault))
        {
            world.Conversation.Tell($"END OF FAULT: {fault.What}");
            fault.End!();
        }
    }

    private FaultKind DrawKind()
    {
        var at = random.Next(plan.Weights.Sum());
        var kind = 0;
        for (; at >= plan.Weights[kind]; kind++)
        {
            at -= plan.Weights[kind];
        }

        return (FaultKind)kind;
    }

    private Fault? Begin(FaultKind kind) => kind switch
    {
        FaultKind.OneWayCut => OneWayCut(),
        FaultKind.LinkCut => LinkCut(),
        FaultKind.ReplicaCutOff => ReplicaCutOff(),
        FaultKind.DatacenterCut => DatacenterCut(leaving: true, reaching: true),
        FaultKind.DatacenterMute => DatacenterCut(leaving: true, reaching: false),
        FaultKind.DatacenterDeaf => DatacenterCut(leaving: false, reaching: true),
        FaultKind.Bridge => Bridge(),
        FaultKind.Ring => Ring(),
        FaultKind.Flapping => Flapping(),
        FaultKind.LossyLink => LossyLink(),
        FaultKind.SlowLink => SlowLink(),
        FaultKind.DoublingStorm => DoublingStorm(),
        FaultKind.ProcessKilled => ProcessKilled(),
        FaultKind.PowerLost => PowerLost(AnyReplica()),
        FaultKind.DatacenterPowerLost => DatacenterPowerLost(),
        FaultKind.AllPowerLost => AllPowerLost(),
        FaultKind.LeaderPowerLost => LeaderPowerLost(),
        FaultKind.GracefulRestart => GracefulRestart(),
        FaultKind.ProcessPaused => ProcessPaused(AnyReplica().Process),
        FaultKind.LeaderPaused => ProcessPaused(world.Leader),
        FaultKind.TicksStarved => TicksStarved(),
        FaultKind.SecondActivation => SecondActivation(),
        FaultKind.SecondActivationWhilePaused => SecondActivationWhilePaused(),
        FaultKind.FlushFailed => FlushFailed(),
        FaultKind.DiskFull => DiskFull(),
        FaultKind.DiskSlow => DiskSlow(),
        FaultKind.DiskStalled => DiskStalled(),
        FaultKind.RecordCorrupted => RecordCorrupted(),
        FaultKind.DiskWiped => DiskWiped(),
        FaultKind.WallClockJumped => WallClockJumped(),
        FaultKind.MonotonicLeap => MonotonicLeap(),
        FaultKind.LeadershipTransfer => LeadershipTransfer(),
        FaultKind.LeaderHearsLate => LeaderHearsLate(),
        FaultKind.CutInChange => CutInNextChange(),
        FaultKind.LeaderPausedAlone => LeaderPausedAlone(),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private SimulatedReplica AnyReplica() => random.Pick(Replicas);
}
