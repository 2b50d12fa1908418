namespace MultiDc.Raft;

/// <summary>Elections (§3.4) with pre-vote (§9.6), check-quorum (§6.2) and leader stickiness (§4.2.3).</summary>
public sealed partial class RaftNode
{
    private readonly SortedDictionary<ReplicaId, bool> votes = [];
    private int ticksSinceReset;
    private int campaignAfterTicks;
    private int quietTicksLeft;

    /// <summary>
    /// So many ticks of a follower pass without anything happening in them: the host may give them late, all before the next input, and need not look for
    /// anything to do. What is given late makes the follower wait longer for its leader, never shorter. Zero for whoever is no follower.
    /// </summary>
    public int UneventfulTicks => Role == RaftRole.Follower && !IsOnlyVoter && !IsQuiesced ? Math.Max(0, campaignAfterTicks - ticksSinceReset - 1) : 0;

    private void TickElection()
    {
        ticksSinceReset++;
        if (AwaitsOwnVote || HoldsVoteBack(leadershipTransfer: false))
        {
            // A vote that is held back is not given to oneself either.
            return;
        }

        if (IsOnlyVoter && MayStand && Leader.IsNone)
        {
            Campaign(leadershipTransfer: false);
        }
        else if (ticksSinceReset >= campaignAfterTicks && MayStand)
        {
            PreCampaign();
        }
    }

    /// <summary>Asks whether an election could be won, without raising the term (§9.6).</summary>
    private void PreCampaign()
    {
        missedLeader = Leader.IsNone ? missedLeader : Leader;
        Role = RaftRole.PreCandidate;
        StartVoting();
        votes[Id] = true;
        SendToOthers(to => new PreVoteRequest(Id, to, Term.Next(), log.Last));
        DecideElection();
    }

    private void Campaign(bool leadershipTransfer)
    {
        Invariant.Require(Role != RaftRole.Leader && MayStand, "who may not vote may not stand, nor may a witness");
        Invariant.Require(!HoldsVoteBack(leadershipTransfer), "a vote that is held back is not given to oneself either (§6.4.1)");
        Role = RaftRole.Candidate;
        Term = Term.Next();
        votedFor = Id;
        StartVoting();
        SendToOthers(to => new VoteRequest(Id, to, Term, log.Last, leadershipTransfer));
    }

    /// <summary>A candidate's own vote counts like any other's: when it is durable (§3.4), and still its own to give.</summary>
    private bool AwaitsOwnVote => Role == RaftRole.Candidate && !votes.ContainsKey(Id);

    private void CountOwnVote()
    {
        if (AwaitsOwnVote && (hardStateOffered.Term, hardStateOffered.VotedFor) == (Term, Id))
        {
            votes[Id] = true;
            DecideElection();
        }
    }

    /// <summary>
    /// Whether this replica votes at all. Membership is not asked for: a learner may have been promoted without knowing it yet (§4.1). But a
    /// replica that never knew any configuration may be an old member whose disk was lost, and with it the memory of its votes.
    /// </summary>
    private bool MayVote => quietTicksLeft == 0 && !Configuration.Voters.IsEmpty;

    private bool MayStand => MayVote && !Configuration.IsWitness(Id) && (Configuration.IsVoter(Id) || IsVoterUntilCommitted);

    /// <summary>
    /// Whoever is removed by a configuration that is not committed may be the only one whose log can win an election, so it still stands,
    /// without counting itself (§4.2.2, figure 4.6). It leads until C_new is committed.
    /// </summary>
    private bool IsVoterUntilCommitted =>
        log.ConfigurationIndex > Commit && log.ConfigurationAt(new LogIndex(log.ConfigurationIndex.Value - 1)) is var before && before.IsVoter(Id) && !before.IsWitness(Id);

    private void StartVoting()
    {
        Leader = ReplicaId.None;
        votes.Clear();

        // Whoever waits for votes has waited for a leader already: its next try must not cost another full timeout.
        ResetElectionTimer(options.ElectionTimeoutTicks / 2, options.ElectionTimeoutTicks);
    }

    private void DecideElection()
    {
        switch (Quorum.Votes(votes))
        {
            case VoteResult.Won when Role == RaftRole.PreCandidate:
                Campaign(leadershipTransfer: false);
                break;
            case VoteResult.Won:
                Hit(RaftProbe.ElectionWon);
                BecomeLeader();
                break;
            case VoteResult.Lost:
                Hit(RaftProbe.ElectionLost);
                BecomeFollower(Term, ReplicaId.None);
                break;
        }
    }

    private void AnswerPreVote(PreVoteRequest request)
    {
        var granted = request.Term > Term
            && MayVote
            && !HoldsVoteBack(leadershipTransfer: false)
            && request.LastEntry.IsAtLeastAsUpToDateAs(log.Last);
        Send(new PreVoteResponse(Id, request.From, granted ? request.Term : Term, granted));
        if (!granted && request.Term > Term)
        {
            Hit(Configuration.Voters.IsEmpty ? RaftProbe.VoteRefusedWithoutConfiguration
                : quietTicksLeft > 0 ? RaftProbe.PreVoteRefusedAfterRestart
                : HoldsVoteBack(leadershipTransfer: false) ? RaftProbe.PreVoteRefusedForStickiness
                : RaftProbe.PreVoteRefusedForLog);
        }

        // Two that ask each other would grant each other and split the vote, most likely right after a leader died. One steps back; if the
        // other cannot win, the next try comes after the usual pause.
        if (granted && Role == RaftRole.PreCandidate && (request.LastEntry != log.Last || request.From.CompareTo(Id) > 0))
        {
            Hit(RaftProbe.PreVoteTieYielded);
            Role = RaftRole.Follower;
            votes.Clear();
        }
    }

    private void CountPreVote(PreVoteResponse response)
    {
        // A grant names the term asked about, so that one for an earlier campaign does not count.
        if (Role == RaftRole.PreCandidate && (!response.Granted || response.Term == Term.Next()))
        {
            votes[response.From] = response.Granted;
            DecideElection();
        }
        else if (Role == RaftRole.PreCandidate)
        {
            Hit(RaftProbe.PreVoteOfEarlierCampaignIgnored);
        }
    }

    private void AnswerVote(VoteRequest request)
    {
        var isFree = votedFor == request.From || (votedFor.IsNone && Leader.IsNone);
        var granted = isFree && MayVote && !HoldsVoteBack(request.LeadershipTransfer) && request.LastEntry.IsAtLeastAsUpToDateAs(log.Last);
        ProbeVote(request, isFree, granted);
        if (granted && votedFor.IsNone)
        {
            // Whoever has just voted for another does not go on asking for itself.
            Role = RaftRole.Follower;
            votes.Clear();
            votedFor = request.From;
            ResetElectionTimer();
        }

        Send(new VoteResponse(Id, request.From, Term, granted));
    }

    private void ProbeVote(VoteRequest request, bool isFree, bool granted)
    {
        if (!granted)
        {
            Hit(Configuration.Voters.IsEmpty ? RaftProbe.VoteRefusedWithoutConfiguration
                : !isFree ? RaftProbe.VoteRefusedAsGiven
                : quietTicksLeft > 0 ? RaftProbe.VoteHeldBackAfterRestart
                : HoldsVoteBack(request.LeadershipTransfer) ? RaftProbe.VoteHeldBackForStickiness
                : RaftProbe.VoteRefusedForLog);
        }
        else if (!votedFor.IsNone)
        {
            Hit(RaftProbe.VoteRepeated);
        }
    }

    private void CountVote(VoteResponse response)
    {
        if (Role == RaftRole.Candidate)
        {
            votes[response.From] = response.Granted;
            DecideElection();
        }
    }

    /// <summary>
    /// Whether no vote is given, whoever asks: a leader was heard from within the least election timeout (§4.2.3), or may have been before
    /// a restart. Only the election that the leader itself asked for passes by the former. A greater term heard of meanwhile changes
    /// nothing, because leases rest on this (§6.4.1).
    /// </summary>
    private bool HoldsVoteBack(bool leadershipTransfer)
    {
        var hearsLeader = Role == RaftRole.Leader || ticksSinceLeaderHeard < options.ElectionTimeoutTicks;
        return quietTicksLeft > 0 || (hearsLeader && !leadershipTransfer);
    }

    /// <summary>
    /// The host has reason to believe that the leader's process is gone, such as that every connection to it was closed from its side. A follower
    /// then waits no longer for it: it grants pre-votes, and asks for some itself soon, so that an election takes place at once when a majority
    /// believes the same. When the host is wrong, the leader and those who hear it refuse, and nothing happens. A follower that gives
    /// leases goes on waiting: its promise outlasts every belief (§6.4.1).
    /// </summary>
    public void ForgetLeader()
    {
        if (Role != RaftRole.Follower || Leader.IsNone)
        {
            return;
        }

        Wake();
        missedLeader = Leader;
        if (options.Lease is null)
        {
            Hit(RaftProbe.LeaderForgotten);
            Leader = ReplicaId.None;
            ticksSinceLeaderHeard = options.ElectionTimeoutTicks;
            ResetElectionTimer(1, (options.ElectionTimeoutTicks / 4) + 1);
        }
    }

    /// <summary>A request that only the leader of this term sends.</summary>
    private void AcceptLeader(ReplicaId from)
    {
        Invariant.Require(Role != RaftRole.Leader && (Leader.IsNone || Leader == from), "at most one leader per term (§3.4)");
        ticksSinceLeaderHeard = 0;
        missedLeader = ReplicaId.None;
        BecomeFollower(Term, from);
    }

    private void BecomeFollower(Term term, ReplicaId leader)
    {
        Invariant.Require(term >= Term, "terms never fall (§3.3)");
        if (term > Term)
        {
            if (Role == RaftRole.Leader)
            {
                Hit(RaftProbe.LeaderDeposedByTerm);
            }

            Term = term;
            votedFor = ReplicaId.None;
        }

        var was = Role;
        if (was is RaftRole.PreCandidate or RaftRole.Candidate && !leader.IsNone)
        {
            Hit(RaftProbe.CandidateMetLeader);
        }

        Role = RaftRole.Follower;
        Leader = leader;
        votes.Clear();
        if (was == RaftRole.Leader)
        {
            GiveUpLeadership();
        }

        if (was == RaftRole.Leader || !leader.IsNone)
        {
            ResetElectionTimer();
        }
        else if (was != RaftRole.Follower)
        {
            // The election is lost or split: soon again, but not all at once.
            ResetElectionTimer(1, (options.ElectionTimeoutTicks / 2) + 1);
        }

        // A follower that merely learns of a newer term goes on waiting: only a leader or a candidate worth a vote makes it start anew.
    }

    private void ResetElectionTimer() => ResetElectionTimer(options.ElectionTimeoutTicks, 2 * options.ElectionTimeoutTicks);

    private void ResetElectionTimer(int minTicks, int maxTicksExclusive)
    {
        ticksSinceReset = 0;
        campaignAfterTicks = random.Next(minTicks, maxTicksExclusive);
    }

    private void SendToOthers(Func<ReplicaId, RaftMessage> message)
    {
        foreach (var voter in Configuration.Members)
        {
            if (voter != Id && Configuration.IsVoter(voter))
            {
                Send(message(voter));
            }
        }
    }
}
