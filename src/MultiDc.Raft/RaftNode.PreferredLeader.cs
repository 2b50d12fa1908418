namespace MultiDc.Raft;

/// <summary>Moving the leadership to where it is preferred, without haste: every transfer stops proposals for a round trip or more.</summary>
public sealed partial class RaftNode
{
    /// <summary>A leader stays for this many election timeouts before it gives its leadership away by itself.</summary>
    private const int SettledTimeouts = 5;

    /// <summary>After a transfer that was given up, this many pass before the next try.</summary>
    private const int RetryTimeouts = 20;

    private int ticksUntilMove;

    /// <summary>
    /// Begins to hand the leadership to the replica that <see cref="PreferredLeader"/> chooses, if there is one. The host calls this on ticks.
    /// Does nothing within five election timeouts after this replica was elected, within twenty after a transfer was given up, or while
    /// something else of the kind is under way.
    /// </summary>
    /// <param name="order">Datacenters, most preferred first.</param>
    /// <returns>The new leader to be; <see cref="ReplicaId.None"/> when all stays as it is.</returns>
    public ReplicaId MoveToPreferredLeader(IReadOnlyList<DatacenterTag> order)
    {
        if (Role != RaftRole.Leader || ticksUntilMove > 0 || !transferTarget.IsNone || log.TermAt(Commit) != Term || log.ConfigurationIndex > Commit)
        {
            return ReplicaId.None;
        }

        var target = PreferredLeader.Choose(order, Configuration, Id, IsCaughtUp);
        if (target.IsNone || !TransferLeadership(target))
        {
            return ReplicaId.None;
        }

        Hit(RaftProbe.MovedToPreferredLeader);
        return target;
    }

    private void SettleFor(int electionTimeouts) => ticksUntilMove = electionTimeouts * options.ElectionTimeoutTicks;

    private void TickPreferredLeader() => ticksUntilMove = Math.Max(0, ticksUntilMove - 1);
}
