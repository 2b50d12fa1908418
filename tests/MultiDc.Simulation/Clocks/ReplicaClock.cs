namespace MultiDc.Simulation;

/// <summary>
/// The clock of one machine: runs a little fast or slow against true time, within the stated bound, and its wall clock may jump. Its
/// monotonic time never goes back; a machine that was frozen sees it leap.
/// </summary>
internal sealed class ReplicaClock(EventQueue events, int driftPpm) : TimeProvider
{
    private TimeSpan bootOffset = TimeSpan.FromHours(1);
    private TimeSpan wallOffset;

    /// <summary>How fast it runs: parts per million more than true time.</summary>
    public int DriftPpm => driftPpm;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => (bootOffset + Elapsed).Ticks;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch + TimeSpan.FromDays(20_000) + wallOffset + Elapsed;

    /// <summary>The true time that passes while this clock counts <paramref name="local"/>.</summary>
    public TimeSpan TrueTimeOf(TimeSpan local) => local * (1_000_000.0 / (1_000_000 + driftPpm));

    /// <summary>Somebody set the wall clock; monotonic time does not notice.</summary>
    public void JumpWallClock(TimeSpan by) => wallOffset += by;

    /// <summary>The machine stood still, or its counter was corrected: monotonic time leaps forward.</summary>
    public void LeapForward(TimeSpan by) => bootOffset += by;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        throw new NotSupportedException("replicas are driven by ticks and by virtual time, not by timers");

    private TimeSpan Elapsed => events.Now * ((1_000_000 + driftPpm) / 1_000_000.0);
}
