namespace MultiDc.Raft;

/// <summary>
/// One replica of one Raft group: the algorithm of Ongaro's dissertation as a deterministic, single-threaded object. Inputs are
/// <see cref="Tick"/>, <see cref="Step"/>, <see cref="Propose"/>, <see cref="ReadIndex"/>; the output is a <see cref="Ready"/>; after the
/// host has carried it out it calls <see cref="Advance"/>. The same inputs with the same random numbers give the same outputs.
/// </summary>
public sealed partial class RaftNode
{
    private readonly RaftNodeOptions options;
    private readonly IRandomSource random;
    private readonly RaftLog log;
    private readonly List<RaftMessage> outbox = [];
    private readonly Func<ReplicaId, bool> isPresent;
    private readonly Func<ReplicaId, bool> isLeftOut;
    private readonly Func<ReplicaId, LogIndex> durableAt;
    private ReplicaId votedFor;

    /// <summary>Starts a replica from what was durable.</summary>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    /// <exception cref="RaftInvariantException">The recovery contradicts itself: the store must be examined.</exception>
    public RaftNode(RaftNodeOptions options, RaftRecovery recovery, IRandomSource random)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(recovery);
        ArgumentNullException.ThrowIfNull(random);
        options.Validate();
        this.options = options;
        this.random = random;
        log = new RaftLog(recovery.Snapshot, recovery.Entries);
        (isPresent, isLeftOut, durableAt) = (voter => !IsAway(voter), IsLeftOut, DurableAt);

        var (snapshot, applied) = (recovery.Snapshot.LastIncluded.Index, recovery.Applied);
        Invariant.Require(recovery.HardState.Term >= log.Last.Term, "the term is durable before or with entries of it (§3.4)");
        Invariant.Require(recovery.HardState.Commit <= log.Last.Index, "what was committed here is still here");
        Invariant.Require(snapshot <= applied && applied <= log.Last.Index, "what was applied is in the snapshot or the log");
        Term = recovery.HardState.Term;
        votedFor = recovery.HardState.VotedFor;
        Commit = recovery.HardState.Commit > applied ? recovery.HardState.Commit : applied;
        Applied = appliedOffered = applied;
        hardStateOffered = recovery.HardState;

        // A replica that ran before may have heard from a leader right before it stopped, and made promises it cannot remember.
        var isNew = Term == Term.Zero && log.Last == EntryId.Zero;
        quietTicksLeft = isNew || IsOnlyVoter ? 0 : options.ElectionTimeoutTicks;
        ticksSinceLeaderHeard = options.ElectionTimeoutTicks;
        ResetElectionTimer();
    }

    /// <summary>This replica.</summary>
    public ReplicaId Id => options.Id;

    /// <summary>Its part now.</summary>
    public RaftRole Role { get; private set; } = RaftRole.Follower;

    /// <summary>Its term.</summary>
    public Term Term { get; private set; }

    /// <summary>The leader it knows in this term; <see cref="ReplicaId.None"/> when unknown.</summary>
    public ReplicaId Leader { get; private set; }

    /// <summary>The commit index.</summary>
    public LogIndex Commit { get; private set; }

    /// <summary>The index up to which entries were handed out for applying and <see cref="Advance"/>d.</summary>
    public LogIndex Applied { get; private set; }

    /// <summary>The last entry of the log, durable or not.</summary>
    public EntryId LastEntry => log.Last;

    /// <summary>The term of the entry at the index; null when it is compacted away or not there yet.</summary>
    public Term? TermAt(LogIndex index) => log.TermAt(index);

    /// <summary>The id up to which the log was compacted away.</summary>
    public EntryId CompactedTo => log.CompactedTo;

    /// <summary>The bytes of entries held in memory, which are all entries since <see cref="CompactedTo"/>.</summary>
    public long RetainedBytes => log.RetainedBytes;

    /// <summary>The configuration in force: the latest in the log, committed or not (§4.1).</summary>
    public GroupConfiguration Configuration => log.Configuration;

    /// <summary>Whether that one is known to be committed.</summary>
    public bool IsConfigurationCommitted => log.ConfigurationIndex <= Commit;

    /// <summary>One unit of time has passed. Does nothing at all while <see cref="IsQuiesced"/>.</summary>
    public void Tick()
    {
        if (IsQuiesced)
        {
            return;
        }

        quietTicksLeft = Math.Max(0, quietTicksLeft - 1);
        ticksSinceLeaderHeard = Math.Min(ticksSinceLeaderHeard + 1, options.ElectionTimeoutTicks);
        if (Role == RaftRole.Leader)
        {
            TickLeader();
        }
        else
        {
            TickElection();
        }
    }

    /// <summary>
    /// Takes a message. Requests of non-members are answered too, since a configuration may be known to the sender and not yet here (§4.1);
    /// answers of non-members are ignored, as are messages for another replica.
    /// </summary>
    public void Step(RaftMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (message.To != Id || message.From == Id || (IsAnswer(message) && !Configuration.Contains(message.From)))
        {
            return;
        }

        if (message.From == missedLeader)
        {
            missedLeader = ReplicaId.None;
        }

        if (IsQuiesced && !LeavesQuiesced(message))
        {
            Awake();
        }

        switch (message)
        {
            case PreVoteRequest request:
                AnswerPreVote(request);
                return;
            case PreVoteResponse { Granted: true } response:
                CountPreVote(response);
                return;
            case var _ when message.Term < Term:
                AnswerStale(message);
                return;
            case VoteRequest request when request.Term > Term && HoldsVoteBack(request.LeadershipTransfer):
                // Not even its term is taken, or a cut-off replica would depose a working leader (§4.2.3).
                Hit(quietTicksLeft > 0 ? RaftProbe.VoteHeldBackAfterRestart : RaftProbe.VoteHeldBackForStickiness);
                return;
            case var _ when message.Term > Term:
                if (message is VoteRequest { LeadershipTransfer: true } && HoldsVoteBack(leadershipTransfer: false))
                {
                    Hit(RaftProbe.TransferPassedStickiness);
                }

                BecomeFollower(message.Term, ReplicaId.None);
                break;
        }

        switch (message)
        {
            case PreVoteResponse response:
                CountPreVote(response);
                break;
            case VoteRequest request:
                AnswerVote(request);
                break;
            case VoteResponse response:
                CountVote(response);
                break;
            case AppendRequest request:
                AcceptLeader(request.From);
                AnswerAppend(request);
                break;
            case HeartbeatRequest request:
                AcceptLeader(request.From);
                AnswerHeartbeat(request);
                break;
            case SnapshotRequest request:
                AcceptLeader(request.From);
                AnswerSnapshot(request);
                break;
            case QuiesceRequest request:
                AcceptLeader(request.From);
                AnswerQuiesce(request);
                break;
            case TimeoutNowRequest request:
                AcceptLeader(request.From);
                CampaignForTransfer();
                break;
            default:
                StepLeader(message);
                break;
        }
    }

    private static bool IsAnswer(RaftMessage message) =>
        message is PreVoteResponse or VoteResponse or AppendAccepted or AppendRejected or HeartbeatResponse or QuiesceResponse or WakeRequest;

    private bool IsOnlyVoter => !Configuration.IsJoint && Configuration.Voters is [var only] && only == Id;

    private JointQuorum Quorum => new(Configuration);

    /// <summary>Answers to a leader's requests.</summary>
    private void StepLeader(RaftMessage message)
    {
        if (Role != RaftRole.Leader || !followers.TryGetValue(message.From, out var follower))
        {
            return;
        }

        if (message is HeartbeatResponse { Round: 0 })
        {
            Hit(RaftProbe.RoundZeroIgnored);
            return;
        }

        follower.Heard();
        switch (message)
        {
            case AppendAccepted response:
                TakeAccepted(follower, response);
                break;
            case AppendRejected response:
                TakeRejected(follower, response);
                break;
            case HeartbeatResponse response:
                TakeHeartbeatResponse(follower, response);
                break;
            case QuiesceResponse response:
                TakeQuiesceResponse(response);
                break;
        }

        follower.CatchUp(log.Last.Index);
        HandOverWhenCaughtUp();
    }

    /// <summary>
    /// A message of an earlier term. Its sender may be unable to catch up by itself: a leader whose requests go unanswered because of our
    /// greater term must learn of it to step down. Round 0 confirms nothing, also if the answer arrives when its receiver leads our term.
    /// </summary>
    private void AnswerStale(RaftMessage message)
    {
        switch (message)
        {
            case VoteRequest:
                Hit(RaftProbe.StaleTermAnswered);
                Send(new VoteResponse(Id, message.From, Term, Granted: false));
                break;
            case AppendRequest or HeartbeatRequest or SnapshotRequest or QuiesceRequest:
                Hit(RaftProbe.StaleTermAnswered);
                Send(new HeartbeatResponse(Id, message.From, Term, Round: 0));
                break;
        }
    }

    /// <summary>Everything leaves through a Ready, so nothing is said before what it says is durable.</summary>
    private void Send(RaftMessage message) => outbox.Add(message);

    private void Hit(RaftProbe probe) => options.Probes?.Hit(probe);

    private static LogIndex Min(LogIndex left, LogIndex right) => left < right ? left : right;

    private static LogIndex Max(LogIndex left, LogIndex right) => left > right ? left : right;
}
