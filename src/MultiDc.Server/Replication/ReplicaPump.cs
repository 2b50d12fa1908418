using MultiDc.Ring;
using MultiDc.Server.StateMachine;
using MultiDc.Server.Watching;
using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>
/// The one place of a replica that acts. Inputs come into a bounded inbox; one loop steps the node and carries out its Ready: persist, then
/// speak (a leader appends meanwhile), then apply and answer, then advance. A plain class: it needs no silo, and runs on whatever scheduler starts it.
/// </summary>
internal sealed partial class ReplicaPump : IAsyncDisposable
{
    private const string WaitedTooLong = "it waited longer here than its caller did";

    private readonly RaftNode node;
    private readonly IReplicaStorage storage;
    private readonly KeyValueStateMachine stateMachine;
    private readonly IRaftTransport transport;
    private readonly GroupMembers members;
    private readonly ReplicaPumpOptions options;
    private readonly ReplicaSender sender;
    private readonly ReplicaMetrics metrics;
    private readonly TimeProvider time;
    private readonly ILogger<ReplicaPump> logger;
    private readonly ReplicaInbox inbox;
    private readonly PendingProposals proposals = new();
    private readonly PendingReads reads;
    private readonly Func<ReplicaPlace?> findLeader;
    private readonly Func<MonotonicTime> readClock;
    private readonly int epochCheckTicks;
    private readonly bool usesLeases;
    private readonly SnapshotReceiver snapshotReceiver;
    private readonly SnapshotSender snapshotSender;
    private readonly CancellationTokenSource stopping = new();
    private readonly List<Task> background = [];
    private readonly System.Collections.Concurrent.ConcurrentDictionary<DatacenterId, byte> missQueued = [];
    private readonly Dictionary<ReplicaId, SnapshotRequest> snapshotsUnderWay = [];
    private IStagedSnapshot? stagedSnapshot;
    private Task<PumpStop>? completion;
    private bool compacting;
    private int ticksSinceEpochCheck;
    private volatile PumpStatus status;
    private volatile TaskCompletionSource ledNoMore = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ReplicaPump(
        ReplicaSender sender,
        GroupMembers members,
        KeyRange range,
        RaftNodeOptions nodeOptions,
        ReplicaPumpOptions options,
        IReplicaStorage storage,
        IRaftTransport transport,
        IRandomSource random,
        TimeProvider time,
        ReplicaMetrics metrics,
        ILogger<ReplicaPump> logger)
    {
        this.sender = sender;
        this.members = members;
        this.options = options;
        this.storage = storage;
        this.transport = transport;
        this.time = time;
        this.metrics = metrics;
        this.logger = logger;
        epochCheckTicks = nodeOptions.ElectionTimeoutTicks;
        usesLeases = nodeOptions.Lease is not null;
        node = new RaftNode(nodeOptions, storage.Recovered, random);
        stateMachine = new(storage.State, range);
        Range = range;
        snapshotReceiver = new(storage.State);
        snapshotSender = new(transport, sender, options, metrics);
        reads = new(options.MaxHeldReads, options.RetryAfter);
        inbox = new(options.MaxWaitingMessages, options.MaxWaitingRequests);
        findLeader = Leader;
        readClock = Now;
        status = CurrentStatus();
        stopping.Token.UnsafeRegister(static inbox => ((ReplicaInbox)inbox!).Wake.End(), inbox);
        readsAnywhere = usesLeases && storage.CanBeReadAnywhere;
    }

    /// <summary>Which keys belong to the shard.</summary>
    public KeyRange Range { get; }

    /// <summary>What the node was doing after its last round.</summary>
    public PumpStatus Status => status;

    /// <summary>
    /// Told of each message that the node has taken, with the term of the entry that an <see cref="AppendAccepted"/> to this leader
    /// acknowledges, or a <see cref="HeartbeatRequest"/> calls committed. On the pump's own turns.
    /// </summary>
    public Action<RaftMessage, Term?>? Heard { get; init; }

    /// <summary>The recent changes of its state, for watches.</summary>
    public ChangeHistory History { get; init; } = new();

    /// <summary>The core, for checks from outside. Only the pump's own turns may change it.</summary>
    internal RaftNode Node => node;

    internal int WaitingMessages => inbox.MessageCount;

    internal int WaitingRequests => inbox.RequestCount;

    internal int OpenProposals => proposals.Count;

    /// <summary>Starts the loop, which then stays on the scheduler.</summary>
    /// <param name="scheduler">Runs the pump.</param>
    /// <param name="ticks">Ticks the pump while it needs ticks; null: whoever made it calls <see cref="Tick"/>.</param>
    public void Start(TaskScheduler scheduler, ITickSource? ticks = null)
    {
        tickSource = ticks;
        completion = Task.Factory.StartNew(RunAsync, CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler).Unwrap();
    }

    /// <summary>Ends when the loop has ended, whatever ended it, and the storage is closed. Never faults.</summary>
    public Task<PumpStop> Completion => completion ?? throw new InvalidOperationException("the pump was not started");

    /// <summary>Ends the loop and closes the storage.</summary>
    public async ValueTask DisposeAsync()
    {
        // Not CancelAsync, which goes by way of the thread pool: what waits here wakes on the pump's own scheduler.
        stopping.Cancel();
        if (completion is not null)
        {
            await completion;
        }

        stopping.Dispose();
    }

    private async Task<PumpStop> RunAsync()
    {
        PumpStop stop;
        try
        {
            await stateMachine.LoadAsync();
            History.BeginAt(storage.State.Applied);
            KeepTicking();
            stop = await PumpAsync();
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            stop = new(PumpStopReason.Requested, "the replica was closed");
        }
        catch (FencedException exception)
        {
            stop = new(PumpStopReason.Fenced, exception.Message);
        }
        catch (StoreFullException exception)
        {
            stop = new(PumpStopReason.StoreFull, exception.Message);
        }
        catch (StoreUnavailableException exception)
        {
            stop = new(PumpStopReason.StoreUnavailable, exception.Message);
        }
        catch (IOException exception)
        {
            stop = new(PumpStopReason.StoreFailed, exception.Message);
        }
        catch (Exception exception)
        {
            stop = await ExplainAsync(exception);
        }

        await CloseAsync(stop);
        return stop;
    }

    // An invariant, a format or a bug: whatever it is, this replica must not go on over it. But if a later activation has taken its place,
    // then what it remembers is not what the replica has done since, and no alarm: a leader may count on entries that only the other wrote.
    private async ValueTask<PumpStop> ExplainAsync(Exception exception)
    {
        try
        {
            await storage.ConfirmEpochAsync();
        }
        catch (FencedException fenced)
        {
            return new(PumpStopReason.Fenced, fenced.Message);
        }
        catch (StoreUnavailableException unavailable)
        {
            // Nobody can tell now whether it is this replica or its successor that is wrong. The next opening meets it again, if it is this one.
            LogUnexplained(logger, sender.Address, exception);
            return new(PumpStopReason.StoreUnavailable, unavailable.Message);
        }
        catch (Exception)
        {
            // The store cannot tell; what went wrong first is what counts.
        }

        LogBroken(logger, sender.Address, exception);
        return new(PumpStopReason.Broken, exception.Message);
    }

    private async Task<PumpStop> PumpAsync()
    {
        while (true)
        {
            if (inbox.Wake.IsCompleted)
            {
                // The silo's pumps share threads. One that is always asked for more reads would never give its own back: reads wait for nothing.
                await Task.Yield();
            }

            if (!await inbox.Wake)
            {
                return new(PumpStopReason.Requested, "the replica was closed");
            }

            inbox.ResetWake();
            await StepAsync();
            members.Follow(node.Configuration);
            do
            {
                await CarryOutAllAsync();
            }
            while (reads.Retry(node, findLeader) || await ServeReadsAsync());

            EndWaits();
            PublishLease();
            PublishStatus();
            KeepLeases();
            KeepTicking();
            CompactIfLarge();
        }
    }

    private async ValueTask StepAsync()
    {
        // Before all else: they have passed already. Given later, they would count as time since a message that came after them.
        var (uneventfulTicks, isTickDue) = inbox.TakeTicks();
        for (var i = 0; i < uneventfulTicks; i++)
        {
            node.Tick();
        }

        while (inbox.TryTakeCompletion(out var completion))
        {
            await ((ITurn)completion).RunAsync();
        }

        for (var i = 0; i < options.MaxWaitingMessages && inbox.TryTakeMessage(out var message); i++)
        {
            ObserveTime();
            if (message is SnapshotRequest snapshot && !TakeWithoutState(snapshot))
            {
                continue;
            }

            node.Step(message);
            Heard?.Invoke(message, message switch
            {
                AppendAccepted accepted when IsLeadingIn(accepted.Term) => node.TermAt(accepted.Match),
                HeartbeatRequest heartbeat => node.TermAt(heartbeat.Commit),
                _ => null,
            });
        }

        // After the messages: a heartbeat that waited here must be seen before the tick that would miss it. What fell due since the ticks were taken, while a
        // completion waited for the disk, fell due before the messages were heard, too, and counts once: leader leases rest on it (§6.4.1).
        isTickDue |= inbox.TakeTicks() is not (0, false);
        if (isTickDue)
        {
            node.Tick();
            WakeForReaders();
            MoveToPreferredLeader();
        }

        await ConfirmEpochNowAndThenAsync(uneventfulTicks + (isTickDue ? 1 : 0));

        for (var i = 0; i < options.MaxRequestsPerRound && inbox.TryTakeRequest(out var request); i++)
        {
            await StepAsync(request);
        }

        if (inbox.RequestCount > 0)
        {
            inbox.WakeAgain();
        }
    }

    // A leader that neither writes nor reads would otherwise never learn that a later activation took its place.
    private ValueTask ConfirmEpochNowAndThenAsync(int ticks)
    {
        ticksSinceEpochCheck += ticks;
        if (ticksSinceEpochCheck < epochCheckTicks)
        {
            return ValueTask.CompletedTask;
        }

        ticksSinceEpochCheck = 0;
        return storage.ConfirmEpochAsync();
    }

    private async ValueTask StepAsync(PumpRequest request)
    {
        switch (request)
        {
            case LinearizableRead late when IsGivenUp(late):
                late.Refuse(new(RejectionReason.Overloaded, WaitedTooLong) { RetryAfter = options.RetryAfter });
                break;
            case ProposeRequest propose:
                Propose(propose);
                break;
            case LinearizableRead read when options.UnsafeReadsWithoutReadIndex:
                await read.ServeAsync(storage.State);
                break;
            case LinearizableRead read when usesLeases && node.LeaseHolds(Now()):
                node.Wake();
                reads.BeginUnderLease(node, read);
                break;
            case LinearizableRead read:
                reads.Begin(node, read, findLeader);
                break;
            case AppliedWait wait:
                BeginToWait(wait);
                break;
            case ITurn turn:
                await turn.RunAsync();
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    // Work that nobody waits for any more would only make those wait longer who come behind it.
    private bool IsGivenUp(PumpRequest request)
    {
        var isGivenUp = request.GivenUpAt is { } at && time.GetTimestamp() >= at;
        if (isGivenUp)
        {
            metrics.RequestsRefused.Add(1);
        }

        return isGivenUp;
    }

    private void Propose(ProposeRequest request)
    {
        if (IsGivenUp(request))
        {
            request.Complete(new(new Rejected(RejectionReason.Overloaded, WaitedTooLong) { RetryAfter = options.RetryAfter }));
            return;
        }

        // Whoever does not lead says so below: what it has open may stay open for ever, and its callers must be sent on.
        if (node.Role == RaftRole.Leader && proposals.Count >= options.MaxOpenProposals)
        {
            request.Complete(new(new Rejected(RejectionReason.Overloaded, $"the fate of {proposals.Count} writes is open") { RetryAfter = options.RetryAfter }));
            return;
        }

        var result = request.ProposeTo(node);
        if (result.Accepted)
        {
            request.ProposedAs = result.Id;
            proposals.Add(request);
            return;
        }

        request.Complete(new(result.Refusal switch
        {
            ProposalRefusal.Overloaded => new Rejected(RejectionReason.Overloaded, "too many bytes of writes are not yet committed") { RetryAfter = options.RetryAfter },
            ProposalRefusal.TransferInProgress => new Rejected(RejectionReason.Overloaded, "the leadership is being handed over") { RetryAfter = options.RetryAfter },
            ProposalRefusal.TermNotCommitted => new Rejected(RejectionReason.NotReady, "the new leader has not committed yet"),
            ProposalRefusal.ConfigurationInProgress => new Rejected(RejectionReason.PreconditionFailed, "another change of the membership is under way"),
            ProposalRefusal.NotCaughtUp => new Rejected(RejectionReason.PreconditionFailed, result.Detail!),
            ProposalRefusal.ConfigurationInvalid => new Rejected(RejectionReason.InvalidArgument, result.Detail!),
            _ => Rejected.By(RejectionReason.NotLeader, "this replica does not lead", Leader()),
        }));
    }

    private bool IsLeadingIn(Term term) => node.Role == RaftRole.Leader && node.Term == term;

    private ReplicaPlace? Leader() => members.PlaceOf(node.Leader);

    private PumpStatus CurrentStatus() =>
        new(node.Role, node.Term, Leader(), node.Commit, storage.State.Applied, node.LastEntry.Index, storage.Epoch, node.Configuration, node.IsConfigurationCommitted, node.IsQuiesced);

    // Most rounds change nothing of it.
    private bool IsCurrent(PumpStatus published) =>
        published.Last == node.LastEntry.Index && published.Commit == node.Commit && published.Applied == storage.State.Applied && published.Role == node.Role
        && published.Term == node.Term && published.IsQuiesced == node.IsQuiesced && published.IsConfigurationCommitted == node.IsConfigurationCommitted
        && published.Epoch == storage.Epoch && ReferenceEquals(published.Configuration, node.Configuration) && published.Leader == Leader();

    private void PublishStatus()
    {
        var before = status;
        if (IsCurrent(before))
        {
            return;
        }

        var now = CurrentStatus();
        status = now;
        if (now.Role == RaftRole.Leader && (before.Role != RaftRole.Leader || before.Term != now.Term))
        {
            metrics.LeadershipsWon.Add(1);
            ledNoMore = ledNoMore.Task.IsCompleted ? new(TaskCreationOptions.RunContinuationsAsynchronously) : ledNoMore;
            LogLeading(logger, sender.Address, now.Term);
        }
        else if (now.Role != RaftRole.Leader && before.Role == RaftRole.Leader)
        {
            ledNoMore.TrySetResult();
            CountMisplaced(false);
            LogNotLeading(logger, sender.Address, now.Term, now.Leader);
        }
    }

    private async Task CloseAsync(PumpStop stop)
    {
        metrics.Stops.Add(1, new KeyValuePair<string, object?>("reason", stop.Reason.ToString()));
        LogStopped(logger, sender.Address, stop.Reason, stop.Detail);
        lease = null;
        inbox.Close();
        tickRegistration?.Dispose();
        leaseTimer?.Dispose();
        stopping.Cancel();
        await Task.WhenAll(background);
        while (inbox.TryTakeRequest(out var request) || inbox.TryTakeCompletion(out request))
        {
            request.Abandon(stop);
        }

        proposals.AbandonAll(stop);
        reads.AbandonAll(stop);
        appliedWaits.ForEach(wait => wait.Abandon(stop));
        History.Close();
        ledNoMore.TrySetResult();
        CountMisplaced(false);
        await storage.DisposeAsync();
    }
}
