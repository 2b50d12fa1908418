namespace MultiDc.Simulation;

/// <summary>What can go wrong.</summary>
internal enum FaultKind
{
    /// <summary>Nothing gets from one endpoint to another; the other way works.</summary>
    OneWayCut,

    /// <summary>Nothing gets from one endpoint to another or back.</summary>
    LinkCut,

    /// <summary>A replica is cut off from everybody.</summary>
    ReplicaCutOff,

    /// <summary>A datacenter is cut off from the others.</summary>
    DatacenterCut,

    /// <summary>Nothing leaves a datacenter; what is sent to it arrives.</summary>
    DatacenterMute,

    /// <summary>Nothing reaches a datacenter; what it sends arrives.</summary>
    DatacenterDeaf,

    /// <summary>The replicas fall into two halves that hear only one member in common.</summary>
    Bridge,

    /// <summary>Each replica hears only its neighbours in a ring.</summary>
    Ring,

    /// <summary>A link goes and comes several times.</summary>
    Flapping,

    /// <summary>A link loses much.</summary>
    LossyLink,

    /// <summary>A link takes longer than an election timeout.</summary>
    SlowLink,

    /// <summary>Everything arrives twice, and in any order.</summary>
    DoublingStorm,

    /// <summary>A process is killed; the disk goes on.</summary>
    ProcessKilled,

    /// <summary>A machine loses its power, and what was not flushed.</summary>
    PowerLost,

    /// <summary>A datacenter loses its power.</summary>
    DatacenterPowerLost,

    /// <summary>Every machine loses its power.</summary>
    AllPowerLost,

    /// <summary>The leader loses its power while it has writes waiting.</summary>
    LeaderPowerLost,

    /// <summary>A replica is closed in good order and opened again.</summary>
    GracefulRestart,

    /// <summary>A process stands still, then goes on with its old belief.</summary>
    ProcessPaused,

    /// <summary>The leader's process stands still, then goes on with its old belief.</summary>
    LeaderPaused,

    /// <summary>The ticks of a process do not come; everything else does.</summary>
    TicksStarved,

    /// <summary>A replica is activated a second time over the same store.</summary>
    SecondActivation,

    /// <summary>A replica is activated a second time while the first stands still, and then goes on.</summary>
    SecondActivationWhilePaused,

    /// <summary>A flush fails.</summary>
    FlushFailed,

    /// <summary>A disk is full.</summary>
    DiskFull,

    /// <summary>A disk takes very long.</summary>
    DiskSlow,

    /// <summary>A disk answers no flush for a while.</summary>
    DiskStalled,

    /// <summary>A record is damaged, which shows when the replica restarts.</summary>
    RecordCorrupted,

    /// <summary>A replica comes back over an empty disk.</summary>
    DiskWiped,

    /// <summary>The wall clock jumps.</summary>
    WallClockJumped,

    /// <summary>Monotonic time leaps forward.</summary>
    MonotonicLeap,

    /// <summary>Somebody asks the leader to hand its leadership over.</summary>
    LeadershipTransfer,

    /// <summary>The leader gets no ticks and is told everything late; then nothing that it says arrives, while old answers go on reaching it.</summary>
    LeaderHearsLate,

    /// <summary>In the moment in which the leader changes the membership it is cut off, with just a majority of the new voters, and gets no ticks.</summary>
    CutInChange,

    /// <summary>The leader's process stands still, and when it goes on it hears its clients before it hears the other replicas.</summary>
    LeaderPausedAlone,
}
