namespace MultiDc.Raft;

/// <summary>
/// What one follower gives to its leader's lease. Of the rounds that are not answered yet only the first is remembered: any answer to it or
/// a later one proves that the follower heard the leader after that round was opened.
/// </summary>
internal sealed class FollowerLease(LeaseOptions options, int electionTimeoutTicks)
{
    private readonly ClockCheck clock = new(options.MaxDriftPpm, options.ClockWindowNanoseconds);
    private ulong openRound;
    private MonotonicTime openedAt;
    private long until;

    /// <summary>The end of the time, by the leader's clock, in which the follower elects no other; zero when it cannot be counted on.</summary>
    public long UntilNanoseconds => clock.IsClean ? until : 0;

    public void HeartbeatSent(ulong round, MonotonicTime at)
    {
        if (openRound == 0)
        {
            (openRound, openedAt) = (round, at);
        }
    }

    /// <summary>A heartbeat was answered.</summary>
    /// <returns>False when the follower's clock was found not to agree with the leader's.</returns>
    public bool HeartbeatAnswered(ulong round, LeasePromise promise, MonotonicTime at)
    {
        if (openRound == 0 || round < openRound)
        {
            return true;
        }

        // A follower may keep its vote for longer, with another timeout; this leader's own is what was checked not to overflow.
        var held = Math.Min(promise.HeldNanoseconds, options.HeldNanoseconds(electionTimeoutTicks));
        until = Math.Max(0, openedAt.Nanoseconds + options.LeaseNanoseconds(held));
        openRound = 0;
        return clock.Observe(openedAt, at, promise.Clock);
    }
}
