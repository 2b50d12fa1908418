namespace MultiDc.Raft;

/// <summary>How a leader sends to a follower.</summary>
internal enum ProgressState
{
    /// <summary>It is not known where the logs agree: one append at a time, until one is accepted.</summary>
    Probe,

    /// <summary>The logs are known to agree: appends are sent ahead of their answers.</summary>
    Replicate,

    /// <summary>The follower's next entry was compacted away: the host streams a snapshot and no append is sent.</summary>
    Snapshot,
}

/// <summary>
/// A follower as its leader sees it (§3.5 nextIndex, matchIndex; §10.2.1 pipelining). Whatever is lost, doubled or late:
/// <code>
/// Match &lt; Next;  Match never falls;  what is in flight lies in (Match, Next)
/// </code>
/// </summary>
internal sealed class Progress(LogIndex next, RaftNodeOptions options)
{
    private readonly InflightAppends inflight = new(options.MaxInflightAppends, options.MaxInflightBytes);
    private bool probeSent;
    private ulong suspectRound;
    private LogIndex catchUpTo;
    private int catchUpTicks = options.ElectionTimeoutTicks;
    private bool lastRoundWasShort;

    public ProgressState State { get; private set; } = ProgressState.Probe;

    /// <summary>Up to here the follower is known to hold the leader's log durably.</summary>
    public LogIndex Match { get; private set; }

    /// <summary>The first entry of the next append.</summary>
    public LogIndex Next { get; private set; } = next;

    public int Inflight => inflight.Count;

    /// <summary>The greatest commit index that was sent to the follower in a message from which it can take it.</summary>
    public LogIndex CommitTold { get; private set; }

    /// <summary>The greatest round of heartbeats the follower has answered.</summary>
    public ulong ConfirmedRound { get; private set; }

    public int TicksSinceHeard { get; private set; }

    /// <summary>Whether nothing more may be sent before an answer comes.</summary>
    public bool IsPaused => State switch
    {
        ProgressState.Probe => probeSent,
        ProgressState.Replicate => inflight.IsFull,
        _ => true,
    };

    private bool AwaitsAnswer => State switch
    {
        ProgressState.Probe => probeSent,
        ProgressState.Replicate => Match.Next() < Next,
        _ => false,
    };

    /// <summary>
    /// Whether it fell silent, is said to be gone, or needs a snapshot, and has not caught up since. Where there are witnesses, commits do not wait for it.
    /// </summary>
    public bool IsLeftOut { get; private set; }

    /// <summary>Whether its last round of catching up was a short one, and the one under way still can be: see <see cref="CatchUp"/>.</summary>
    public bool KeepsUp => lastRoundWasShort && catchUpTicks < options.ElectionTimeoutTicks;

    public void Tick()
    {
        // As many as matter: one that is away for years must not be taken for present when a number overflows.
        TicksSinceHeard = Math.Min(TicksSinceHeard + 1, options.ElectionTimeoutTicks);
        catchUpTicks = Math.Min(catchUpTicks + 1, options.ElectionTimeoutTicks);
        if (TicksSinceHeard >= options.ElectionTimeoutTicks)
        {
            LeaveOut();
        }
    }

    public void Heard() => TicksSinceHeard = 0;

    /// <summary>
    /// Caught up is who got in less than an election timeout all that was in the leader's log when that round began (§4.2.1), or holds it all.
    /// </summary>
    public void CatchUp(LogIndex last)
    {
        if (Match >= catchUpTo)
        {
            lastRoundWasShort = Match >= last || catchUpTicks < options.ElectionTimeoutTicks;
            IsLeftOut &= !lastRoundWasShort;
            (catchUpTo, catchUpTicks) = (last, 0);
        }
    }

    public void TellCommit(LogIndex commit) => CommitTold = Max(CommitTold, commit);

    /// <summary>An append left that ends at <paramref name="last"/>, which is right before <see cref="Next"/> when it is empty.</summary>
    public void Sent(LogIndex last, long bytes)
    {
        Invariant.Require(!IsPaused, "nothing is sent to a paused follower");
        if (State == ProgressState.Probe)
        {
            // Next stays: it says which append the answer must be about.
            probeSent = true;
        }
        else if (last >= Next)
        {
            inflight.Add(last, bytes);
            Next = last.Next();
            if (inflight.IsFull)
            {
                Hit(inflight.Count < options.MaxInflightAppends ? RaftProbe.PipelineFullByBytes : RaftProbe.PipelineFull);
            }
        }
    }

    /// <summary>The follower accepted an append or snapshot up to <paramref name="match"/>. True when that is news about its log.</summary>
    public bool Accepted(LogIndex match, LogIndex compactedTo)
    {
        // Answers may be old or doubled: what was known is never taken back.
        if (match < Match || (match == Match && State != ProgressState.Probe))
        {
            Hit(RaftProbe.StaleAcceptanceIgnored);
            return false;
        }

        var isNews = match > Match;
        Match = match;
        Next = Max(Next, match.Next());
        suspectRound = 0;
        inflight.FreeUpTo(match);
        if (State == ProgressState.Probe || (State == ProgressState.Snapshot && match >= compactedTo))
        {
            if (State == ProgressState.Snapshot)
            {
                Hit(RaftProbe.SnapshotOvertaken);
            }

            Become(ProgressState.Replicate, match.Next());
        }

        return isNews;
    }

    /// <summary>The follower lacks the entry before an append. <paramref name="agreesAtMost"/> is where its log may agree.</summary>
    public void Rejected(LogIndex rejectedPrevious, LogIndex agreesAtMost)
    {
        var isStale = State switch
        {
            ProgressState.Probe => rejectedPrevious.Value != Next.Value - 1,
            ProgressState.Replicate => rejectedPrevious <= Match,
            _ => true,
        };
        if (isStale)
        {
            Hit(RaftProbe.StaleRejectionIgnored);
            return;
        }

        // A pipelined append may be rejected because an earlier one was lost or overtaken; then the match is the best place to go on from.
        var next = State == ProgressState.Replicate ? Match.Next() : Min(rejectedPrevious, agreesAtMost.Next());
        Hit(State == ProgressState.Replicate ? RaftProbe.PipelineBroken
            : next < rejectedPrevious ? RaftProbe.RejectHintUsed
            : RaftProbe.AppendProbedOneBack);
        Become(ProgressState.Probe, Max(Match.Next(), next));
    }

    /// <summary>It is not waited for until it has caught up: see <see cref="IsLeftOut"/>.</summary>
    public void LeaveOut()
    {
        if (!IsLeftOut)
        {
            // Its first round begins when it is heard next.
            (IsLeftOut, catchUpTo, catchUpTicks) = (true, LogIndex.Zero, options.ElectionTimeoutTicks);
        }
    }

    /// <summary>The entry before <see cref="Next"/> is compacted away.</summary>
    public void NeedSnapshot()
    {
        LeaveOut();
        Become(ProgressState.Snapshot, Next);
    }

    /// <summary>
    /// The stream of a snapshot ended: an append right after the compacted part will tell what the follower has. After a failure that waits
    /// for an answered heartbeat, so that a stream that fails at once is not begun anew at once.
    /// </summary>
    public void SnapshotEnded(LogIndex compactedTo, bool delivered)
    {
        if (State == ProgressState.Snapshot)
        {
            Become(ProgressState.Probe, Max(Match, compactedTo).Next());
            probeSent = !delivered;
            if (!delivered)
            {
                Hit(RaftProbe.SnapshotFailed);
            }
        }
    }

    /// <summary>Messages to the follower are being lost.</summary>
    public void Unreachable()
    {
        if (State == ProgressState.Replicate)
        {
            Hit(RaftProbe.UnreachableProbed);
            Become(ProgressState.Probe, Match.Next());
        }
    }

    public void HeartbeatSent(ulong round)
    {
        if (suspectRound == 0 && AwaitsAnswer)
        {
            suspectRound = round;
        }
    }

    /// <summary>
    /// A heartbeat was answered. When it had left after an append that brought no answer and no later progress, the append or its answer
    /// was lost; it is sent again.
    /// </summary>
    public void HeartbeatAnswered(ulong round)
    {
        ConfirmedRound = Math.Max(ConfirmedRound, round);
        if (suspectRound != 0 && round >= suspectRound && AwaitsAnswer)
        {
            Hit(RaftProbe.LostAppendResent);
            Become(ProgressState.Probe, State == ProgressState.Replicate ? Match.Next() : Next);
        }
    }

    public override string ToString() =>
        $"{State} match={Match} next={Next}"
        + (State == ProgressState.Replicate ? $" inflight={Inflight}" : "")
        + (IsPaused ? " paused" : "");

    public void Check()
    {
        Invariant.Require(Match < Next, "match < next");
        Invariant.Require(inflight.Ends.All(last => last > Match && last < Next), "what is in flight lies between match and next");
        Invariant.Require(State == ProgressState.Replicate || inflight.Count == 0, "only a pipeline has something in flight");
    }

    private void Become(ProgressState state, LogIndex next)
    {
        State = state;
        Next = next;
        probeSent = false;
        suspectRound = 0;
        inflight.Clear();
    }

    private void Hit(RaftProbe probe) => options.Probes?.Hit(probe);

    private static LogIndex Min(LogIndex left, LogIndex right) => left < right ? left : right;

    private static LogIndex Max(LogIndex left, LogIndex right) => left > right ? left : right;
}
