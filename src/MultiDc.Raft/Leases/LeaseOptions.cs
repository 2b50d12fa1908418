namespace MultiDc.Raft;

/// <summary>
/// What leader leases (§6.4.1) rest on. Set on every replica of a group or on none: one without makes no promise and does not count. To
/// shorten the election timeout of a group turn leases off first, since a replica that restarts keeps its promises for the timeout it has then.
/// </summary>
public sealed record LeaseOptions
{
    /// <summary>
    /// The least time between two ticks, in nanoseconds of the machine's monotonic clock. Ticks may come late, and one that is held up may
    /// stand for several; n ticks in a row that come within less than n - 2 of these break the lease.
    /// </summary>
    public required long TickNanoseconds { get; init; }

    /// <summary>
    /// The most by which the rates of the monotonic clocks of two replicas may differ, in parts per million. Quartz and the slewing of a time
    /// daemon together stay below 1,200. Clocks that provably differ by more are not counted on; see <see cref="ClockWindowNanoseconds"/>
    /// for what can be proven. A clock that stops while its machine is suspended breaks the lease: leave leases off on such machines.
    /// </summary>
    public int MaxDriftPpm { get; init; } = 10_000;

    /// <summary>
    /// By how much a lease ends earlier than it could, in nanoseconds: room for what the check of the clocks cannot see, which is the length
    /// of a lease times twice the round trip divided by the window.
    /// </summary>
    public long MarginNanoseconds { get; init; } = 20_000_000;

    /// <summary>
    /// Over how long the clocks are compared, in nanoseconds. A follower counts only after its clock has agreed with the leader's for this
    /// long, also in a new term and after a disagreement. Rates that differ by the bound and twice the round trip divided by this are noticed.
    /// </summary>
    public long ClockWindowNanoseconds { get; init; } = 10_000_000_000;

    /// <summary>For how long a replica that has just heard its leader gives no vote, in nanoseconds of its own clock.</summary>
    internal long HeldNanoseconds(int electionTimeoutTicks) => (electionTimeoutTicks - 2) * TickNanoseconds;

    /// <summary>How long a leader may count on a promise made for that long by another clock, in nanoseconds of its own.</summary>
    internal long LeaseNanoseconds(long heldNanoseconds) =>
        (long)((Int128)heldNanoseconds * 1_000_000 / (1_000_000 + MaxDriftPpm)) - MarginNanoseconds;
}
