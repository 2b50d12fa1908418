namespace MultiDc.Simulation;

/// <summary>What can happen to processes, machines and their clocks.</summary>
internal sealed partial class FaultInjector
{
    private Fault? ProcessKilled()
    {
        var replica = AnyReplica();
        if (replica.Process is null)
        {
            return null;
        }

        replica.KillProcesses();
        return Down($"the process of {replica} is killed", [replica]);
    }

    private Fault? PowerLost(SimulatedReplica replica)
    {
        if (replica.Process is null)
        {
            return null;
        }

        LosePower(replica);
        return Down($"{replica} loses its power", [replica]);
    }

    private Fault? DatacenterPowerLost()
    {
        var datacenter = random.Next(world.Plan.Shape.DatacenterCount);
        SimulatedReplica[] all = [.. Replicas.Where(r => r.Datacenter == datacenter)];
        foreach (var replica in all)
        {
            LosePower(replica);
        }

        return Down($"datacenter {datacenter + 1} loses its power", all);
    }

    private Fault? AllPowerLost()
    {
        foreach (var replica in Replicas)
        {
            LosePower(replica);
        }

        world.RareEvents.Hit(RareEvent.WholeGroupRestarted);
        return Down("all lose their power", [.. Replicas]);
    }

    private Fault? LeaderPowerLost() => world.Leader is { Replica: var leader } ? PowerLost(leader) : null;

    private Fault? GracefulRestart()
    {
        var replica = AnyReplica();
        if (replica.Process is not { Pump: not null, IsPaused: false } process)
        {
            return null;
        }

        process.Close();
        return Down($"{replica} is closed in good order", [replica]);
    }

    private Fault? ProcessPaused(ReplicaProcess? process)
    {
        if (process is not { Pump: not null, IsPaused: false })
        {
            return null;
        }

        process.Pause();
        var term = process.Sighting.Term;
        var led = process.Sighting.Role == RaftRole.Leader;
        return new($"{process} stands still", () =>
        {
            world.RareEvents.HitIf(led && !process.IsEnded && world.Checks.GreatestLeaderTerm > term, RareEvent.DeposedWhilePaused);
            process.Resume();
        });
    }

    private Fault? TicksStarved()
    {
        if (AnyReplica().Process is not { } process)
        {
            return null;
        }

        process.IsStarvedOfTicks = true;
        return new($"{process} gets no ticks", () => process.IsStarvedOfTicks = false);
    }

    private Fault? SecondActivation()
    {
        var replica = AnyReplica();
        if (replica.Process is not { Pump: not null, IsPaused: false } first || replica.DownHolds > 0)
        {
            return null;
        }

        world.StartSecond(replica);
        return new($"{first} is activated a second time", null);
    }

    private Fault? SecondActivationWhilePaused()
    {
        var replica = random.OneIn(2) && world.Leader is { } leader ? leader.Replica : AnyReplica();
        if (replica.Process is not { Pump: not null, IsPaused: false } first || replica.DownHolds > 0)
        {
            return null;
        }

        first.Pause();
        world.StartSecond(replica);
        return new($"{first} stands still and is activated a second time", first.Resume);
    }

    private Fault? WallClockJumped()
    {
        var replica = AnyReplica();
        var by = random.BetweenMilliseconds(-3_600_000, 3_600_000);
        replica.Clock.JumpWallClock(by);
        return new($"the wall clock of {replica} jumps by {by.TotalSeconds:0} s", null);
    }

    private Fault? MonotonicLeap()
    {
        var replica = AnyReplica();
        var by = random.BetweenMilliseconds(100, 60_000);
        replica.Clock.LeapForward(by);
        return new($"the monotonic clock of {replica} leaps by {by.TotalSeconds:0.0} s", null);
    }

    private Fault? LeadershipTransfer()
    {
        if (world.Leader is not { } leader)
        {
            return null;
        }

        var to = AnyReplica();
        leader.Ask(pump => pump.TransferLeadershipAsync(to.Id), begun => world.RareEvents.HitIf(begun && to != leader.Replica, RareEvent.TransferBegun));
        world.Checks.ExpectTransfer(to.Id);
        return new($"{leader} is asked to hand over to {to}", null);
    }

    private void LosePower(SimulatedReplica replica)
    {
        var pending = replica.Disk.PendingCount;
        var survivors = pending > 0 ? random.Next(pending + 1) : 0;
        world.RareEvents.HitIf(survivors > 0, RareEvent.UnacknowledgedWriteSurvived);
        world.RareEvents.HitIf(survivors < pending, RareEvent.UnacknowledgedWriteLost);
        world.RareEvents.HitIf(survivors < pending && replica.Process?.Sighting.Role == RaftRole.Leader, RareEvent.LeaderLostWrites);
        replica.KillProcesses();
        replica.Disk.LosePower(survivors, appliedRowsSurvive: random.OneIn(2));
    }

    private Fault Down(string what, IReadOnlyList<SimulatedReplica> replicas)
    {
        foreach (var replica in replicas)
        {
            replica.DownHolds++;
        }

        return new(what, () =>
        {
            foreach (var replica in replicas)
            {
                replica.DownHolds--;
                world.StartIfDown(replica);
            }
        });
    }
}
