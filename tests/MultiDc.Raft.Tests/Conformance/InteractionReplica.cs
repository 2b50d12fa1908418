namespace MultiDc.Raft.Tests;

/// <summary>
/// A core with its disk, as the interaction cases drive it. Nothing happens but what the script says: a core never campaigns by itself here,
/// since its random timeouts are far longer than any script; when a script's tick lets an election timeout pass, <see cref="Campaign"/> is called.
/// </summary>
internal sealed class InteractionReplica
{
    private readonly InteractionSettings settings;
    private readonly Queue<(Ready Ready, RaftMessage[] Answers)> appendWork = [];
    private SnapshotMetadata snapshot;
    private HardState hardState;
    private LogIndex applied;
    private LogIndex commitOffered;
    private int elapsedTicks;
    private int? timeoutTicks;

    public InteractionReplica(ReplicaId id, SnapshotMetadata start, InteractionSettings settings)
    {
        (Id, snapshot, applied, this.settings) = (id, start, start.LastIncluded.Index, settings);
        Core = Open();
    }

    public ReplicaId Id { get; }

    public RaftNode Core { get; private set; }

    /// <summary>The stored log.</summary>
    public List<LogEntry> Log { get; } = [];

    /// <summary>Whom it has voted for, in what was last handed out for persisting.</summary>
    public ReplicaId Vote { get; private set; }

    /// <summary>Whether a configuration is in force here that is not applied.</summary>
    public bool IsChanging => Core.SnapshotAt(Core.Applied).Configuration != Core.Configuration;

    /// <summary>Whether it refused a pre-vote, for no other reason than that it leads, in a group where theirs grants it.</summary>
    public bool HasHeldOn { get; private set; }

    /// <summary>All configurations that its stored log and snapshot tell of.</summary>
    public IEnumerable<GroupConfiguration> Configurations => Log
        .Where(entry => entry.Kind == EntryKind.Configuration)
        .Select(entry => ConfigurationCodec.Decode(entry.Payload))
        .Append(snapshot.Configuration);

    public bool HasAppendWork => appendWork.Count > 0;

    /// <summary>Carries out a Ready if there is one, and tells what leaves at once.</summary>
    public IEnumerable<RaftMessage> ProcessReady(out bool isEmpty)
    {
        isEmpty = !Core.TryGetReady(out var ready);
        if (isEmpty)
        {
            return [];
        }

        Vote = ready.HardState?.VotedFor ?? Vote;
        var said = ready.MessagesAfterPersist.Where(message => settings.PreVote || message is not PreVoteRequest).Select(Translate).ToArray();
        if (settings.AsyncStorageWrites)
        {
            // The core has one write at a time, so it goes on as if this one were done. The disk follows, and what the core says because
            // of it, when the script lets the append thread work; requests go ahead, as theirs do.
            var answers = said.Where(IsAnswer).ToArray();
            if (ready.HardState is not null || ready.EntriesToPersist.Count > 0 || answers.Length > 0 || Core.Commit > commitOffered)
            {
                appendWork.Enqueue((ready, answers));
            }

            said = [.. said.Except(answers)];
        }
        else
        {
            Write(ready);
        }

        commitOffered = Core.Commit;
        applied = ready.EntriesToApply is [.., var last] ? last.Index : ready.SnapshotToInstall?.LastIncluded.Index ?? applied;
        Core.Advance();
        Core.Check();
        return said.Concat(ready.SnapshotsToSend.Select(SnapshotFor));
    }

    /// <summary>One piece of the append thread's work, and the answers that waited for it.</summary>
    public RaftMessage[] ProcessAppendThread()
    {
        if (!appendWork.TryDequeue(out var work))
        {
            return [];
        }

        Write(work.Ready);
        return work.Answers;
    }

    public void Step(RaftMessage message)
    {
        var before = (Core.Term, Core.Role);
        if (!settings.CheckQuorum && message is PreVoteRequest && Core.Role == RaftRole.Follower)
        {
            // Without check-quorum nobody holds a vote back for a leader's sake: let this one not have heard of it for long.
            Tick(settings.ElectionTimeoutTicks);
        }

        HasHeldOn |= !settings.CheckQuorum && Core.Role == RaftRole.Leader
            && message is PreVoteRequest request && request.LastEntry.IsAtLeastAsUpToDateAs(Core.LastEntry);
        Core.Step(message);
        Core.Check();
        if (before != (Core.Term, Core.Role) || (message.Term >= before.Term && message is AppendRequest or HeartbeatRequest or SnapshotRequest))
        {
            elapsedTicks = 0;
        }
    }

    /// <summary>Stands for election. Without pre-vote, all voters are taken to have granted theirs.</summary>
    public void Campaign()
    {
        if (Core.Role == RaftRole.Leader || !Core.Configuration.IsVoter(Id))
        {
            return;
        }

        elapsedTicks = 0;
        var was = Core.Role;
        for (var tick = 0; tick < Patient.Ticks && (Core.Role == was || was == RaftRole.PreCandidate); tick++)
        {
            Core.Tick();
        }

        foreach (var voter in Core.Configuration.Members.Where(Core.Configuration.IsVoter).Where(_ => !settings.PreVote))
        {
            Core.Step(new PreVoteResponse(voter, Id, Core.Term.Next(), Granted: true));
        }

        Core.Check();
    }

    /// <summary>Lets the script's ticks pass, and campaigns when an election timeout has: the one the script has set, or the longest there is.</summary>
    public void PassTicks(int count)
    {
        for (var i = 0; i < count; i++)
        {
            Tick(InteractionSettings.TicksPerTick);
            if (Core.Role != RaftRole.Leader && ++elapsedTicks >= (timeoutTicks ?? (2 * InteractionSettings.ElectionTicks) - 1))
            {
                timeoutTicks = null;
                Campaign();
            }
        }
    }

    public void SetElectionTimeout(int ticks) => timeoutTicks = ticks;

    /// <summary>A replica of ours forgets its leader only by starting anew from its disk.</summary>
    public void ForgetLeader()
    {
        if (Core.Role != RaftRole.Leader && !Core.Leader.IsNone && !settings.LeaseBasedReads)
        {
            hardState = hardState with { Commit = Core.Commit };
            Core = Open();
        }
    }

    public void CompactTo(LogIndex index)
    {
        // Only what is applied can be in a snapshot.
        index = index < Core.Applied ? index : Core.Applied;
        snapshot = Core.SnapshotAt(index);
        Core.CompactTo(index);
        Core.Check();
        Log.RemoveAll(entry => entry.Index <= index);
    }

    /// <summary>The snapshot that the host streams, here in one piece and at once.</summary>
    public SnapshotRequest SnapshotFor(ReplicaId to) => new(Id, to, Core.Term, Core.SnapshotAt(Core.Applied));

    private RaftNode Open()
    {
        var core = new RaftNode(settings.For(Id), new RaftRecovery(hardState, snapshot, [.. Log], applied), new Patient());
        var isAlone = core.Configuration.Members is [var only] && only == Id;
        for (var i = 0; i < settings.ElectionTimeoutTicks && !isAlone; i++)
        {
            // A replica that ran before is quiet for an election timeout; one that is alone is not, and would campaign.
            core.Tick();
        }

        return core;
    }

    private void Tick(int count)
    {
        for (var i = 0; i < count; i++)
        {
            Core.Tick();
        }

        Core.Check();
    }

    private void Write(Ready ready)
    {
        hardState = ready.HardState ?? hardState;
        if (ready.SnapshotToInstall is { } installed)
        {
            snapshot = installed;
            Log.Clear();
        }

        if (ready.EntriesToPersist is [var first, ..])
        {
            Log.RemoveAll(entry => entry.Index >= first.Index);
            Log.AddRange(ready.EntriesToPersist);
        }
    }

    /// <summary>Without check-quorum nobody holds a vote back for a leader's sake, as when the leader itself asks for the election.</summary>
    private RaftMessage Translate(RaftMessage message) =>
        message is VoteRequest request && !settings.CheckQuorum ? request with { LeadershipTransfer = true } : message;

    private static bool IsAnswer(RaftMessage message) => message is AppendAccepted or AppendRejected or VoteResponse or PreVoteResponse;

    private sealed class Patient : IRandomSource
    {
        public const int Ticks = 50_000;

        public int Next(int minInclusive, int maxExclusive) => Ticks;
    }
}
