using System.Collections.Immutable;

namespace MultiDc.Raft;

/// <summary>The leader's log becomes everyone's log (§3.5), and what a majority holds is committed (§3.6).</summary>
public sealed partial class RaftNode
{
    private readonly SortedList<ReplicaId, Progress> followers = [];
    private int ticksSinceHeartbeat;
    private long uncommittedBytes;
    private LogIndex commitToTell;

    /// <summary>Appends a command to the log if this replica leads.</summary>
    public ProposalResult Propose(ReadOnlyMemory<byte> payload)
    {
        Wake();
        if (Role != RaftRole.Leader)
        {
            return new ProposalResult(ProposalRefusal.NotLeader, EntryId.Zero);
        }

        if (!transferTarget.IsNone)
        {
            Hit(RaftProbe.ProposalDuringTransfer);
            return new ProposalResult(ProposalRefusal.TransferInProgress, EntryId.Zero);
        }

        var entry = new LogEntry(new EntryId(Term, log.Last.Index.Next()), EntryKind.Command, payload);
        if (uncommittedBytes > 0 && uncommittedBytes + entry.SizeBytes > options.MaxUncommittedBytes)
        {
            Hit(RaftProbe.UncommittedFull);
            return new ProposalResult(ProposalRefusal.Overloaded, EntryId.Zero);
        }

        AppendAsLeader(entry);
        return new ProposalResult(ProposalRefusal.None, entry.Id);
    }

    /// <summary>Tells the leader that messages to a follower are being lost, so that it stops pipelining to it until it answers.</summary>
    public void ReportUnreachable(ReplicaId to)
    {
        if (!IsQuiesced && followers.TryGetValue(to, out var follower))
        {
            follower.Unreachable();
        }
    }

    /// <summary>
    /// Followers are to be told of what is committed now as soon as they hold it, whatever <see cref="RaftNodeOptions.TellCommitAtOnce"/> says: by a heartbeat when there is nothing to append.
    /// For what they should apply at nearly the same time as the leader.
    /// </summary>
    public void TellCommit()
    {
        if (Role == RaftRole.Leader)
        {
            commitToTell = Commit;
        }
    }

    private void BecomeLeader()
    {
        Role = RaftRole.Leader;
        Leader = Id;
        votes.Clear();
        FollowConfiguration();
        LeaveOutMissedLeader();
        SettleFor(SettledTimeouts);
        round = 1;
        ticksSinceHeartbeat = 0;
        uncommittedBytes = log.BytesBetween(Commit, log.Last.Index);
        commitToTell = default;

        // Entries of earlier terms are committed through this one (§3.6.2), and reads wait for it (§6.4).
        AppendAsLeader(new LogEntry(new EntryId(Term, log.Last.Index.Next()), EntryKind.NoOp, default));
    }

    private void GiveUpLeadership()
    {
        followers.Clear();
        snapshotsToSend.Clear();
        transferTarget = ReplicaId.None;
        heartbeatDue = false;
        idleTicks = 0;
        quiesceRound = 0;
        BeginWithoutLease();
        LoseReads();
    }

    private void TickLeader()
    {
        for (var i = 0; i < followers.Count; i++)
        {
            followers.GetValueAtIndex(i).Tick();
        }

        if (!Quorum.Is(isPresent))
        {
            // Check-quorum (§6.2): another leader may have been elected, and clients here would wait for ever.
            Hit(RaftProbe.CheckQuorumSteppedDown);
            BecomeFollower(Term, ReplicaId.None);
            return;
        }

        TickPreferredLeader();
        TickTransfer();
        if (!Configuration.Witnesses.IsEmpty)
        {
            // A full voter that has fallen silent is waited for no longer.
            AdvanceCommit();
            if (Role != RaftRole.Leader)
            {
                return;
            }
        }

        if (++ticksSinceHeartbeat >= options.HeartbeatTicks)
        {
            heartbeatDue = true;
        }

        TickQuiescence();
    }

    private void AppendAsLeader(LogEntry entry)
    {
        log.Append(entry);
        uncommittedBytes += entry.SizeBytes;
    }

    /// <summary>Decided once per Ready, so that proposals and reads that came together travel together.</summary>
    private void SendAsLeader()
    {
        if (heartbeatDue || readsWaiting.Count > 0)
        {
            OpenRound();
        }

        for (var i = 0; i < followers.Count; i++)
        {
            var (to, follower) = (followers.GetKeyAtIndex(i), followers.GetValueAtIndex(i));
            SendAppends(to, follower);
            var committed = Min(Commit, follower.Match);
            if ((options.TellCommitAtOnce || follower.CommitTold < commitToTell) && follower.State == ProgressState.Replicate && committed > follower.CommitTold)
            {
                // Nothing to append, but followers serve reads too and should not wait for the next heartbeat.
                SendHeartbeat(to, follower);
            }
        }
    }

    private void SendAppends(ReplicaId to, Progress follower)
    {
        var upTo = LastEntryFor(to);
        while (!follower.IsPaused && (follower.State == ProgressState.Probe || follower.Next <= upTo))
        {
            var previous = new LogIndex(follower.Next.Value - 1);
            if (log.TermAt(previous) is not { } previousTerm)
            {
                AskForSnapshot(to, follower);
                return;
            }

            var entries = EntriesFor(to, log.Slice(follower.Next, upTo, options.MaxAppendBytes));
            var last = entries is [.., var end] ? end.Index : previous;
            Send(new AppendRequest(Id, to, Term, new EntryId(previousTerm, previous), entries, Commit));
            follower.Sent(last, SizeBytesOf(entries));
            follower.TellCommit(Min(Commit, last));
        }
    }

    private static long SizeBytesOf(ImmutableArray<LogEntry> entries)
    {
        var bytes = 0L;
        foreach (var entry in entries)
        {
            bytes += entry.SizeBytes;
        }

        return bytes;
    }

    private void AnswerAppend(AppendRequest request)
    {
        var previous = request.Previous;
        var last = new LogIndex(previous.Index.Value + (ulong)request.Entries.Length);
        if (previous.Index >= log.CompactedTo.Index && !log.Contains(previous))
        {
            Invariant.Require(previous.Index > Commit, "a leader holds all that is committed (§3.6.3)");
            var agreesAtMost = log.LastWithTermAtMost(previous.Index, previous.Term);
            var hint = new EntryId(log.TermAt(agreesAtMost) ?? Term.Zero, agreesAtMost);
            Hit(RaftProbe.AppendRejected);
            Send(new AppendRejected(Id, request.From, Term, previous.Index, hint));
            return;
        }

        ProbeAppend(request, last);
        foreach (var entry in request.Entries)
        {
            // What was compacted is committed, and agrees.
            if (entry.Index <= log.CompactedTo.Index || log.Contains(entry.Id))
            {
                continue;
            }

            Invariant.Require(entry.Index > Commit, "committed entries are never replaced (§3.6.3)");
            Invariant.Require(entry.Term <= Term, "an entry is not newer than the leader that sends it");
            if (entry.Index <= log.Last.Index)
            {
                // Only a real conflict truncates: a late request must not undo a newer one that was acknowledged (§3.5).
                Hit(RaftProbe.ConflictingSuffixTruncated);
                Truncate(entry.Index);
            }

            log.Append(entry);
        }

        // Nothing beyond what this very request has verified is known to agree with the leader.
        CommitTo(Min(request.Commit, last));
        Send(new AppendAccepted(Id, request.From, Term, Max(last, Commit)));
    }

    private void Truncate(LogIndex from)
    {
        if (log.ConfigurationIndex >= from)
        {
            Hit(RaftProbe.ConfigurationRolledBack);
        }

        log.TruncateFrom(from);
    }

    private void ProbeAppend(AppendRequest request, LogIndex last)
    {
        if (request.Previous.Index < log.CompactedTo.Index)
        {
            Hit(RaftProbe.AppendBeforeCompaction);
        }

        if (last < log.Last.Index && (request.Entries is not [.., var end] || log.Contains(end.Id)))
        {
            Hit(RaftProbe.StaleAppendKeptSuffix);
        }

        if (request.Commit > last)
        {
            Hit(RaftProbe.CommitBeyondAppendWithheld);
        }
    }

    private void AnswerHeartbeat(HeartbeatRequest request)
    {
        Invariant.Require(request.Commit <= log.Last.Index, "a leader never counts on entries that its follower lost");
        CommitTo(request.Commit);
        Send(new HeartbeatResponse(Id, request.From, Term, request.Round, Promise()));
    }

    private void TakeAccepted(Progress follower, AppendAccepted response)
    {
        Invariant.Require(response.Match <= log.Last.Index, "no follower holds more of this leader's log than the leader");
        if (follower.Accepted(response.Match, log.CompactedTo.Index))
        {
            AdvanceCommit();
        }
    }

    private void TakeRejected(Progress follower, AppendRejected response) =>
        follower.Rejected(response.RejectedPrevious, log.LastWithTermAtMost(response.Hint.Index, response.Hint.Term));

    private void TakeHeartbeatResponse(Progress follower, HeartbeatResponse response)
    {
        Invariant.Require(response.Round <= round, "no round is answered before it is opened");
        follower.HeartbeatAnswered(response.Round);
        TakePromise(response);
        ConfirmReads();
    }

    /// <summary>
    /// An entry of the leader's own term on a majority is committed, and with it all before it; entries of earlier terms are never
    /// committed by counting (§3.6.2, figure 3.7).
    /// </summary>
    private void AdvanceCommit()
    {
        var held = new CommitQuorum(Configuration).Reached(durableAt, isLeftOut);
        if (held <= Commit)
        {
            return;
        }

        if (log.TermAt(held) != Term)
        {
            Hit(RaftProbe.OldTermNotCommittedByCounting);
            return;
        }

        uncommittedBytes -= log.BytesBetween(Commit, held);
        CommitTo(held);
        FollowCommittedConfiguration();
    }

    private LogIndex DurableAt(ReplicaId voter) => voter == Id ? log.Durable : followers[voter].Match;

    private bool IsLeftOut(ReplicaId voter) => voter != Id && followers[voter].IsLeftOut;

    private bool IsAway(ReplicaId voter) => voter != Id && followers[voter].TicksSinceHeard >= options.ElectionTimeoutTicks;

    private void CommitTo(LogIndex index)
    {
        Invariant.Require(index <= log.Last.Index, "only what is in the log is committed");
        Commit = Max(Commit, index);
    }
}
