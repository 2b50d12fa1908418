namespace MultiDc.Raft;

/// <summary>Handing over the leadership (§3.10): catch the target up, then let it campaign at once.</summary>
public sealed partial class RaftNode
{
    private ReplicaId transferTarget;
    private int ticksSinceTransfer;

    /// <summary>Hands the leadership to a full voter (§3.10); given up after one election timeout. False when this replica does not lead or the target may not.</summary>
    public bool TransferLeadership(ReplicaId to)
    {
        Wake();
        if (Role != RaftRole.Leader || !Configuration.IsVoter(to) || Configuration.IsWitness(to))
        {
            return false;
        }

        if (to != Id && to != transferTarget)
        {
            transferTarget = to;
            ticksSinceTransfer = 0;
            HandOverWhenCaughtUp();
        }

        return true;
    }

    /// <summary>
    /// Hands the leadership to whoever takes over soonest: of the full voters that were heard lately, the one that holds the most of the log. For a leader
    /// that is about to stop, so that its group need not miss it first. False when this replica does not lead or there is nobody.
    /// </summary>
    public bool HandOverLeadership()
    {
        if (Role != RaftRole.Leader)
        {
            return false;
        }

        var able = followers.Where(follower => Configuration.IsVoter(follower.Key) && !Configuration.IsWitness(follower.Key) && !IsAway(follower.Key)).ToArray();
        return able.Length > 0 && TransferLeadership(able.MaxBy(static follower => follower.Value.Match.Value).Key);
    }

    private void TickTransfer()
    {
        if (!transferTarget.IsNone && ++ticksSinceTransfer >= options.ElectionTimeoutTicks)
        {
            // It may be away; proposals must not wait for it. Should it campaign after all, its election is as safe as any.
            Hit(RaftProbe.TransferGivenUp);
            SettleFor(RetryTimeouts);
            transferTarget = ReplicaId.None;
        }
    }

    /// <summary>Said again with every answer of a follower, since it may be lost.</summary>
    private void HandOverWhenCaughtUp()
    {
        if (!transferTarget.IsNone && followers[transferTarget].Match == log.Last.Index)
        {
            Hit(RaftProbe.TransferHandedOver);
            handedOver = true;
            Send(new TimeoutNowRequest(Id, transferTarget, Term));
        }
    }

    private void CampaignForTransfer()
    {
        if (MayStand)
        {
            Campaign(leadershipTransfer: true);
        }
        else
        {
            Hit(RaftProbe.TransferDeclined);
        }
    }
}
