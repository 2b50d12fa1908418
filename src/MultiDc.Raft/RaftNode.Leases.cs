namespace MultiDc.Raft;

/// <summary>
/// Leader leases (§6.4.1): for a while after a quorum has heard from a leader no other can be elected, so that it may read its own state
/// without asking again. Opt-in, since it rests on clocks. Why it holds:
/// <list type="number">
/// <item>A replica that heard the leader of its term gives no vote for <see cref="RaftNodeOptions.ElectionTimeoutTicks"/> ticks
/// (<see cref="HoldsVoteBack"/>), not even to itself, whatever terms and candidates it hears of meanwhile. After a restart it gives none for as
/// many, because it may have promised right before.</item>
/// <item>The first of n ticks may have fallen due before the leader was heard, and the second may follow at once when the first was held up;
/// from then on they are a tick apart or more. So a promise lasts at least n - 2 ticks of the follower's clock.</item>
/// <item>A round of heartbeats is stamped with a time read before it left. A follower that answers it made its promise after that time. The
/// promise, shortened by the bound on how much faster the follower's clock may be than the leader's (<see cref="LeaseOptions.MaxDriftPpm"/>)
/// and by a margin, is therefore over by the leader's clock before it is over at the follower.</item>
/// <item>A leader of a later term needs votes of a quorum, which shares a replica with every quorum that promised: within one
/// configuration, and between two that follow each other (§4.3). A later leader knows this leader's configuration or the one before, because
/// it holds all that this one committed, of its own term at least one entry (§3.6.3). A leader outside its own configuration has none.</item>
/// <item>The one election that passes by promises is the one that the leader asks for (§3.10), and its target may campaign at any later
/// time: once a <see cref="TimeoutNowRequest"/> left, this leader has no lease for the rest of its term.</item>
/// <item>Of several later leaders the first was elected by promises kept to this one, so the others do not matter.</item>
/// </list>
/// The bound on the clocks is checked as far as it can be (<see cref="ClockCheck"/>): a follower whose clock provably drifts from the leader's
/// by more, or jumps, is not counted until both have agreed for a whole window. A leader whose own clock is the bad one finds that nobody counts.
/// <para>A replica that counts itself must be the only activation over its store; that is the host's to check, after the read came.</para>
/// </summary>
public sealed partial class RaftNode
{
    private readonly SortedDictionary<ReplicaId, FollowerLease> leases = [];
    private MonotonicTime observedTime;
    private int ticksSinceLeaderHeard;
    private bool handedOver;

    /// <summary>
    /// Tells the time. Called with a reading taken after an input came and before it is stepped; a time that is told late makes leases shorter
    /// or turns them off, but never breaks them. Not needed without <see cref="RaftNodeOptions.Lease"/>.
    /// </summary>
    public void ObserveTime(MonotonicTime now)
    {
        Invariant.Require(now.Nanoseconds >= 0, "a monotonic clock shows the time since some moment");
        if (now < observedTime)
        {
            // Nothing that was measured before can be compared with what comes.
            Hit(RaftProbe.OwnClockWentBack);
            leases.Clear();
        }

        observedTime = now;
    }

    /// <summary>
    /// Whether no other leader can have been elected up to <paramref name="now"/> (§6.4.1). What is read from a state that has applied
    /// <see cref="Commit"/> is fresh if this holds for a time that was read <em>after</em> the state, and before the answer is given: a pause
    /// in between is noticed so, one before would not be.
    /// </summary>
    public bool LeaseHolds(MonotonicTime now)
    {
        if (now < observedTime || FindLease() is not { } until)
        {
            return false;
        }

        var holds = now < until;
        Hit(holds ? RaftProbe.LeaseHeld : RaftProbe.LeaseNotHeld);
        return holds;
    }

    /// <summary>
    /// Up to when <see cref="LeaseHolds"/>, as far as is known now; the beginning of time without a lease. Nothing but this node's own steps ends a lease
    /// before that: whoever hands this on to others takes it back before the messages leave that those steps lead to, of which one may ask for an election.
    /// </summary>
    public MonotonicTime LeaseUntil => FindLease() ?? default;

    private MonotonicTime? FindLease()
    {
        if (options.Lease is null || Role != RaftRole.Leader || IsQuiesced || log.TermAt(Commit) != Term)
        {
            return null;
        }

        if (handedOver || !transferTarget.IsNone || !Configuration.IsVoter(Id))
        {
            Hit(RaftProbe.LeaseForfeited);
            return null;
        }

        return new((long)Quorum.ReachedByMajority(voter => (ulong)(voter == Id ? long.MaxValue : PromisedUntil(voter))));
    }

    private long PromisedUntil(ReplicaId voter) => leases.TryGetValue(voter, out var lease) ? lease.UntilNanoseconds : 0;

    private void StampHeartbeat(ReplicaId to)
    {
        if (options.Lease is not { } lease)
        {
            return;
        }

        if (!leases.TryGetValue(to, out var given))
        {
            leases.Add(to, given = new FollowerLease(lease, options.ElectionTimeoutTicks));
        }

        given.HeartbeatSent(round, observedTime);
    }

    private LeasePromise Promise() => options.Lease is { } lease
        ? new LeasePromise(observedTime, lease.HeldNanoseconds(options.ElectionTimeoutTicks))
        : LeasePromise.None;

    private void TakePromise(HeartbeatResponse response)
    {
        if (leases.TryGetValue(response.From, out var lease) && !lease.HeartbeatAnswered(response.Round, response.Promise, observedTime))
        {
            Hit(RaftProbe.ClocksDisagreed);
        }
    }

    private void BeginWithoutLease()
    {
        leases.Clear();
        handedOver = false;
    }
}
