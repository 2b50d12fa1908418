namespace MultiDc.Raft;

/// <summary>
/// Idle groups fall silent, so that a group nobody asks anything of costs neither ticks nor messages. A leader under which nothing has
/// happened for a while asks all members, in place of heartbeats, and is quiesced when all have answered; a follower that is as far as the
/// leader is quiesced when it answers. <see cref="Tick"/> then does nothing, and any other input wakes:
/// <list type="bullet">
/// <item>A woken leader sends heartbeats at once, which wakes the rest, and begins to count anew who is heard (check-quorum, §6.2). What it
/// knew is stale, so it has no lease until a quorum has answered; reads ask a quorum in any case (§6.4).</item>
/// <item>A woken follower starts its election timer anew. Its promise to the leader (§4.2.3) stood still with its ticks: that is longer, never
/// shorter. When a request woke it, it wakes the other members as well, so that all find out together whether the leader is still there.</item>
/// </list>
/// Nothing that is lost or late does harm. When an answer is missing the leader goes back to heartbeats, which wake those who had answered. A
/// follower that wakes alone, or was restarted, asks for pre-votes in the end, which wakes the others and its leader, and changes no term.
/// A request that comes long after puts a follower to sleep until the next heartbeat. Members that are away keep a group awake.
/// </summary>
public sealed partial class RaftNode
{
    private readonly SortedSet<ReplicaId> membersToQuiesce = [];
    private int idleTicks;
    private ulong quiesceRound;

    /// <summary>Whether this replica waits for an input and needs no ticks.</summary>
    public bool IsQuiesced { get; private set; }

    /// <summary>
    /// Something is wanted of this replica. If it was quiesced it takes part again, and so do the other members. Proposals, reads and changes
    /// of the membership wake by themselves, also when they are refused.
    /// </summary>
    public void Wake()
    {
        idleTicks = 0;
        if (!IsQuiesced)
        {
            quiesceRound = 0;
        }
        else
        {
            Awake();
            if (Role != RaftRole.Leader)
            {
                SendToOtherMembers(to => new WakeRequest(Id, to, Term));
            }
        }
    }

    /// <summary>Called when the rest of a leader's tick is done: a heartbeat that is due now may become a request to quiesce.</summary>
    private void TickQuiescence()
    {
        idleTicks = IsIdle() ? idleTicks + 1 : 0;
        if (options.QuiesceAfterTicks == 0 || idleTicks < options.QuiesceAfterTicks)
        {
            quiesceRound = 0;
            return;
        }

        if (!heartbeatDue)
        {
            return;
        }

        if (idleTicks >= options.QuiesceAfterTicks + (options.ElectionTimeoutTicks / 2))
        {
            // Those who have answered sleep, the others have heard nothing for half their timeouts: a heartbeat brings all back.
            Hit(RaftProbe.QuiescenceGivenUp);
            idleTicks = 0;
            quiesceRound = 0;
            return;
        }

        AskToQuiesce();
    }

    private void AskToQuiesce()
    {
        if (quiesceRound == 0)
        {
            quiesceRound = ++round;
            membersToQuiesce.Clear();
            membersToQuiesce.UnionWith(followers.Keys);
        }

        heartbeatDue = false;
        ticksSinceHeartbeat = 0;
        foreach (var to in membersToQuiesce)
        {
            Send(new QuiesceRequest(Id, to, Term, log.Last, quiesceRound));
        }

        QuiesceWhenAllHaveAnswered();
    }

    private void TakeQuiesceResponse(QuiesceResponse response)
    {
        if (quiesceRound != 0 && response.Round == quiesceRound && membersToQuiesce.Remove(response.From))
        {
            QuiesceWhenAllHaveAnswered();
        }
    }

    private void QuiesceWhenAllHaveAnswered()
    {
        if (membersToQuiesce.Count == 0 && IsIdle())
        {
            Hit(RaftProbe.LeaderQuiesced);
            IsQuiesced = true;
        }
    }

    /// <summary>Nothing is under way, and every member has all there is.</summary>
    private bool IsIdle() =>
        Role == RaftRole.Leader
        && Applied == log.Last.Index
        && log.TermAt(Commit) == Term
        && readsPending == 0
        && transferTarget.IsNone
        && !Configuration.IsJoint
        && HaveAllFollowersAll();

    private bool HaveAllFollowersAll()
    {
        for (var i = 0; i < followers.Count; i++)
        {
            var follower = followers.GetValueAtIndex(i);
            if (follower.State != ProgressState.Replicate || follower.Match != log.Last.Index || follower.TicksSinceHeard >= options.ElectionTimeoutTicks)
            {
                return false;
            }
        }

        return true;
    }

    private void AnswerQuiesce(QuiesceRequest request)
    {
        var isIdle = options.QuiesceAfterTicks > 0
            && quietTicksLeft == 0
            && request.Last == log.Last
            && Applied == log.Last.Index
            && snapshotToInstall is null;
        if (isIdle)
        {
            if (!IsQuiesced)
            {
                Hit(RaftProbe.FollowerQuiesced);
            }

            IsQuiesced = true;
            Send(new QuiesceResponse(Id, request.From, Term, request.Round));
        }
        else
        {
            Hit(RaftProbe.QuiesceRequestNotFollowed);
            if (IsQuiesced)
            {
                Awake();
            }
        }
    }

    /// <summary>Whether a message leaves a quiesced replica as it is: more of what made it so.</summary>
    private bool LeavesQuiesced(RaftMessage message) =>
        message is QuiesceRequest || (message is QuiesceResponse response && response.Term == Term && response.Round == quiesceRound);

    private void Awake()
    {
        Hit(RaftProbe.Woken);
        IsQuiesced = false;
        if (Role != RaftRole.Leader)
        {
            ResetElectionTimer();
            return;
        }

        idleTicks = 0;
        quiesceRound = 0;
        heartbeatDue = true;
        foreach (var follower in followers.Values)
        {
            follower.Heard();
        }
    }

    private void SendToOtherMembers(Func<ReplicaId, RaftMessage> message)
    {
        foreach (var member in Configuration.Members)
        {
            if (member != Id)
            {
                Send(message(member));
            }
        }
    }
}
