using MultiDc.Server.Replication;

namespace MultiDc.Simulation;

/// <summary>
/// All that a seed decides before the run begins: the group's shape, every option of the product, what machines and links are like, who
/// the clients are and which faults may come how often. Mostly sane, now and then extreme.
/// </summary>
internal sealed record RunPlan
{
    public required ulong Seed { get; init; }

    public required GroupShape Shape { get; init; }

    public required MembershipPlan Membership { get; init; }

    public required TimeSpan Tick { get; init; }

    /// <summary>The id is each replica's own.</summary>
    public required RaftNodeOptions Node { get; init; }

    public required ReplicaPumpOptions Pump { get; init; }

    public required TurnShape Turns { get; init; }

    public required DiskShape Disk { get; init; }

    public required LinkShape Within { get; init; }

    public required LinkShape Between { get; init; }

    /// <summary>Whether reads under a lease are served without a turn of the pump.</summary>
    public required bool StoresCanBeReadAnywhere { get; init; }

    public required int LateParcelOneIn { get; init; }

    /// <summary>The stated bound: no clock runs faster or slower by more.</summary>
    public required int MaxDriftPpm { get; init; }

    public required WorkloadPlan Workload { get; init; }

    public required FaultPlan Faults { get; init; }

    // The seeds up to here are those of the record of known bugs, which was made before there was more than one way to tell of a commit.
    private const ulong LastRecordedSeed = 10_000;

    public TimeSpan ElectionTimeout => Tick * Node.ElectionTimeoutTicks;

    /// <summary>How long faults last; the run goes on a little after.</summary>
    public required TimeSpan SafetyPhase { get; init; }

    public static RunPlan Draw(ulong seed)
    {
        var random = new RunRandom(seed).Branch(1);
        var heartbeat = random.PickOf(1, 1, 1, 2, 2, 3);
        var tick = random.BetweenMilliseconds(100, 250);
        var between = random.PickOf(1.0, 5, 15, 15, 40, 80);
        var electionTicks = Math.Max(5 * heartbeat, random.Next(8, 21));
        var usualDrift = random.PickOf(0, 100, 5_000, 30_000);
        var drift = random.Branch(2).OneIn(5) ? 100_000 : usualDrift;
        var quiesceAfterTicks = random.OneIn(3) ? random.Next(electionTicks, 3 * electionTicks) : 0;
        var shape = GroupShape.Draw(random);
        return new()
        {
            Seed = seed,
            Shape = shape,
            Membership = MembershipPlan.Draw(random),
            Tick = tick,
            Node = new()
            {
                Id = ReplicaId.None,
                ElectionTimeoutTicks = electionTicks,
                HeartbeatTicks = heartbeat,
                MaxAppendBytes = random.PickOf(1, 300, 2_000, 262_144, 262_144),
                MaxInflightAppends = random.PickOf(1, 2, 8, 64),
                MaxUncommittedBytes = random.PickOf(1_500, 20_000, 16_777_216, 16_777_216),
                MaxPendingReads = random.PickOf(2, 64, 4_096),
                MaxApplyBytes = random.PickOf(1, 500, 1_048_576),
                MaxInflightBytes = random.PickOf(1, 1_000, 4_194_304),
                CatchUpEntries = random.PickOf(0, 5, 256),
                QuiesceAfterTicks = quiesceAfterTicks,
                TellCommitAtOnce = seed <= LastRecordedSeed || random.Branch(3).OneIn(2),
                AppendWhilePersisting = seed > LastRecordedSeed && random.Branch(4).OneIn(2),
                Lease = random.OneIn(3) ? DrawLease(random, tick, drift) : null,
            },
            Pump = new()
            {
                MaxWaitingMessages = random.PickOf(24, 4_096, 4_096),
                MaxWaitingRequests = random.PickOf(6, 4_096, 4_096),
                MaxRequestsPerRound = random.PickOf(1, 4, 512),
                MaxOpenProposals = random.PickOf(3, 8_192, 8_192),
                MaxHeldReads = random.PickOf(2, 4_096),
                CompactAfterBytes = random.PickOf(1_500, 6_000, 25_000, 25_000, 8_388_608),
                KeepEntries = random.PickOf(0, 5, 40, 1_024),
                SnapshotChunkBytes = random.PickOf(200, 1_500, 262_144),
                SnapshotChunkTimeout = random.BetweenMilliseconds(500, 5_000),
                SnapshotChunkAttempts = random.PickOf(1, 2, 12),
                PreferredLeaders = [.. shape.PreferredLeaders.Select(GroupShape.TagOf)],
            },
            StoresCanBeReadAnywhere = seed > LastRecordedSeed && random.Branch(5).OneIn(2),
            Turns = new(
                random.OneIn(3) ? TimeSpan.Zero : random.BetweenMilliseconds(0, random.PickOf(0.2, 2, 20)),
                random.PickOf(0, 0, 500),
                random.BetweenMilliseconds(50, 400),
                random.OneIn(2)),
            Disk = new(
                random.BetweenMilliseconds(0.01, 0.5), random.BetweenMilliseconds(0.5, random.PickOf(2.0, 10, 40)), random.PickOf(0, 0.001, 0.02), random.BetweenMilliseconds(50, 800)),
            Within = new(random.BetweenMilliseconds(0.05, 0.5), random.BetweenMilliseconds(0, 1), random.PickOf(0, 0, 0.001), 0, random.PickOf(0, 0.02)),
            Between = new(
                random.BetweenMilliseconds(between / 2, between),
                random.BetweenMilliseconds(0, random.PickOf(1, between / 2, between * 2)),
                random.PickOf(0, 0, 0.002, 0.02),
                random.PickOf(0, 0, 0.01, 0.05),
                random.PickOf(0, 0, 0.02, 0.2)),
            LateParcelOneIn = random.PickOf(0, 2_000, 20_000),
            MaxDriftPpm = drift,
            Workload = WorkloadPlan.Draw(random, quiesceAfterTicks * tick),
            Faults = FaultPlan.Draw(random),
            SafetyPhase = random.Between(TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(11)),
        };
    }

    // The bound that the product is told is on the difference of two clocks, which is what it is when one runs fast and the other slow.
    private static LeaseOptions DrawLease(RunRandom random, TimeSpan tick, int drift) => new()
    {
        TickNanoseconds = (tick.Ticks - 10) * TimeSpan.NanosecondsPerTick,
        MaxDriftPpm = (int)(2_000_000L * drift / (1_000_000 - drift)) + 2,
        MarginNanoseconds = random.PickOf(0, 1_000_000, 20_000_000),
        ClockWindowNanoseconds = random.PickOf(1_000_000_000L, 10_000_000_000L),
    };

    public IEnumerable<string> Describe() =>
    [
        $"group: {Shape}",
        $"membership: {Membership}",
        $"tick {Tick.TotalMilliseconds:0} ms, election {Node.ElectionTimeoutTicks} ticks, heartbeat {Node.HeartbeatTicks} ticks, clock drift up to {MaxDriftPpm} ppm, "
            + $"{(Node.Lease is { } lease ? $"leases with {lease.MaxDriftPpm} ppm, margin {lease.MarginNanoseconds / 1e6:0} ms, window {lease.ClockWindowNanoseconds / 1e9:0} s" : "no leases")}, "
            + $"{(Node.QuiesceAfterTicks > 0 ? $"silent after {Node.QuiesceAfterTicks} ticks" : "never silent")}, commits told {(Node.TellCommitAtOnce ? "at once" : "by the next append or heartbeat")}, "
            + $"a leader's appends leave {(Node.AppendWhilePersisting ? "while it writes" : "when it has written")}, "
            + $"reads under a lease {(StoresCanBeReadAnywhere ? "wait for no turn" : "wait for the pump's turn")}",
        $"core: append {Node.MaxAppendBytes} B x {Node.MaxInflightAppends}, uncommitted {Node.MaxUncommittedBytes} B, reads {Node.MaxPendingReads}, apply {Node.MaxApplyBytes} B",
        $"pump: messages {Pump.MaxWaitingMessages}, requests {Pump.MaxWaitingRequests} ({Pump.MaxRequestsPerRound} a round), proposals {Pump.MaxOpenProposals}, held reads {Pump.MaxHeldReads}, "
            + $"compaction after {Pump.CompactAfterBytes} B keeping {Pump.KeepEntries}, chunks {Pump.SnapshotChunkBytes} B within {Pump.SnapshotChunkTimeout.TotalMilliseconds:0} ms",
        $"turns: delay up to {Turns.MaxDelay.TotalMilliseconds:0.##} ms, hiccup one in {Turns.HiccupOneIn} up to {Turns.Hiccup.TotalMilliseconds:0} ms{(Turns.ShufflesTasks ? ", tasks in any order" : "")}",
        $"disk: flush {Disk.MinFlush.TotalMilliseconds:0.##}..{Disk.MaxFlush.TotalMilliseconds:0.##} ms, {Disk.SpikeChance:0.###} up to {Disk.MaxSpike.TotalMilliseconds:0} ms",
        $"links between datacenters: {Between}, one in {LateParcelOneIn} minutes late; within: {Within}",
        $"clients: {Workload}",
        $"faults: {Faults}",
    ];
}

