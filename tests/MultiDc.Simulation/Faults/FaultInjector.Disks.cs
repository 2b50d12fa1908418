namespace MultiDc.Simulation;

/// <summary>What can happen to disks.</summary>
internal sealed partial class FaultInjector
{
    private Fault? FlushFailed()
    {
        var replica = AnyReplica();
        var disk = replica.Disk;
        disk.FailsNextFlush = true;
        disk.SurvivorsOfFailedFlush = random.Next(3);
        return new($"the next flush of {replica} fails", () => disk.FailsNextFlush = false);
    }

    private Fault? DiskFull()
    {
        var replica = AnyReplica();
        var disk = replica.Disk;
        if (disk.IsFull)
        {
            return null;
        }

        disk.IsFull = true;
        return new($"the disk of {replica} is full", () => disk.IsFull = false);
    }

    private Fault? DiskSlow()
    {
        var replica = AnyReplica();
        var (timing, factor) = (replica.Disk.Timing!, random.PickOf(5.0, 50, 300));
        timing.BeginSlow(factor);
        return new($"the disk of {replica} is {factor:0} times slower", () => timing.EndSlow(factor));
    }

    private Fault? DiskStalled()
    {
        var replica = AnyReplica();
        var hold = replica.Disk.Hold();
        return new($"the disk of {replica} answers nothing", hold.Dispose);
    }

    private Fault? RecordCorrupted()
    {
        var replica = AnyReplica();
        if (!Survival.CanLose(replica, world))
        {
            return null;
        }

        replica.Disk.IsCorrupted = true;
        replica.IsLost = true;
        LosePower(replica);
        return Down($"a record of {replica} is damaged, and it restarts", [replica]);
    }

    private Fault? DiskWiped()
    {
        var replica = AnyReplica();
        if (!Survival.CanLose(replica, world))
        {
            return null;
        }

        replica.KillProcesses();
        replica.Disk = world.NewDisk(replica.Number);
        replica.IsLost = true;
        return Down($"{replica} comes back to an empty disk", [replica]);
    }
}
