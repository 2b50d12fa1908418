namespace MultiDc.Raft;

/// <summary>
/// Linearizable reads without the log (§6.4). A read needs proof that this leader was still the leader after the read had come: a round of
/// heartbeats that was opened later and that a majority has answered. Every broadcast of heartbeats is a round of its own.
/// </summary>
public sealed partial class RaftNode
{
    private readonly List<ReadRequestId> readsWaiting = [];
    private readonly Queue<ReadRound> readRounds = [];
    private readonly List<ReadState> readStates = [];
    private readonly List<ReadRequestId> readsLost = [];
    private int readsPending;
    private ulong round;
    private bool heartbeatDue;

    /// <summary>Reads that came before the round was opened, and what was committed then.</summary>
    private readonly record struct ReadRound(ulong Round, LogIndex Index, ReadRequestId[] Reads);

    /// <summary>
    /// Asks for a linearizable read (§6.4). The id comes back in <see cref="Ready.ReadStates"/> after a quorum has confirmed the leadership
    /// in a round that began after this call, or in <see cref="Ready.ReadsLost"/>. All reads that wait share rounds.
    /// </summary>
    public ProposalRefusal ReadIndex(ReadRequestId id)
    {
        Wake();
        if (Role != RaftRole.Leader)
        {
            return ProposalRefusal.NotLeader;
        }

        if (log.TermAt(Commit) != Term)
        {
            Hit(RaftProbe.ReadHeld);
            return ProposalRefusal.TermNotCommitted;
        }

        if (readsPending >= options.MaxPendingReads)
        {
            Hit(RaftProbe.ReadsFull);
            return ProposalRefusal.Overloaded;
        }

        readsWaiting.Add(id);
        readsPending++;
        return ProposalRefusal.None;
    }

    private void OpenRound()
    {
        round++;
        heartbeatDue = false;
        ticksSinceHeartbeat = 0;
        for (var i = 0; i < followers.Count; i++)
        {
            var (to, follower) = (followers.GetKeyAtIndex(i), followers.GetValueAtIndex(i));
            SendHeartbeat(to, follower);
            follower.HeartbeatSent(round);
            StampHeartbeat(to);
        }

        if (readsWaiting.Count > 0)
        {
            readRounds.Enqueue(new ReadRound(round, Commit, [.. readsWaiting]));
            readsWaiting.Clear();
            ConfirmReads();
        }
    }

    private void SendHeartbeat(ReplicaId to, Progress follower)
    {
        var commit = Min(Commit, follower.Match);
        follower.TellCommit(commit);
        Send(new HeartbeatRequest(Id, to, Term, commit, round));
    }

    private void ConfirmReads()
    {
        if (readRounds.Count == 0)
        {
            return;
        }

        var confirmed = Quorum.ReachedByMajority(voter => voter == Id ? round : followers[voter].ConfirmedRound);
        while (readRounds.TryPeek(out var reads) && reads.Round <= confirmed)
        {
            readRounds.Dequeue();
            if (reads.Round < confirmed)
            {
                Hit(RaftProbe.ReadConfirmedByLaterRound);
            }

            readsPending -= reads.Reads.Length;
            readStates.AddRange(reads.Reads.Select(id => new ReadState(id, reads.Index)));
        }
    }

    private void LoseReads()
    {
        if (readsPending > 0)
        {
            Hit(RaftProbe.ReadLost);
        }

        readsLost.AddRange(readRounds.SelectMany(reads => reads.Reads).Concat(readsWaiting));
        readRounds.Clear();
        readsWaiting.Clear();
        readsPending = 0;
    }
}
