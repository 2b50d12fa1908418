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
        status = CurrentStatus();
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
        while (await WaitAsync())
        {
            inbox.ResetWake();
            await StepAsync();
            members.Follow(node.Configuration);
            do
            {
                await CarryOutAllAsync();
            }
            while (reads.Retry(node, Leader) || await ServeReadsAsync());

            EndWaits();
            PublishLease();
            PublishStatus();
            KeepLeases();
            KeepTicking();
            CompactIfLarge();
        }

        return new(PumpStopReason.Requested, "the replica was closed");
    }

    private async ValueTask<bool> WaitAsync()
    {
        var woken = inbox.WaitAsync(stopping.Token);
        if (woken.IsCompleted)
        {
            // The silo's pumps share threads. One that is always asked for more reads would never give its own back: reads wait for nothing.
            await Task.Yield();
        }

        return await woken;
    }

    private async ValueTask StepAsync()
    {
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

        // After the messages: a heartbeat that waited here must be seen before the tick that would miss it.
        if (inbox.TakeTick())
        {
            node.Tick();
            WakeForReaders();
            MoveToPreferredLeader();
            await ConfirmEpochNowAndThenAsync();
        }

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
    private async ValueTask ConfirmEpochNowAndThenAsync()
    {
        if (++ticksSinceEpochCheck >= epochCheckTicks)
        {
            ticksSinceEpochCheck = 0;
            await storage.ConfirmEpochAsync();
        }
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
                reads.Begin(node, read, Leader);
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

    private ValueTask<bool> ServeReadsAsync() => reads.ServeAsync(storage, node, Now, Leader);

    private async ValueTask CarryOutAllAsync()
    {
        ObserveTime();
        while (node.TryGetReady(out var ready))
        {
            await CarryOutAsync(ready);
        }
    }

    private async ValueTask CarryOutAsync(Ready ready)
    {
        // Before anything leaves that may end a lease or tells others what is committed.
        PublishLease();

        // 1. Durable first: the term and vote behind a vote, the entries behind an acknowledgement. A write proves as well that this is still
        // the replica's newest opening; where there is nothing to write the store is asked, because whoever answers is counted in a quorum
        // or trusted with a promise, and a later opening may have broken it. A leader's appends are no such word: they may overtake its own write.
        if (ready.HardState is not null || ready.SnapshotToInstall is not null || ready.EntriesToPersist.Count > 0)
        {
            var startedAt = time.GetTimestamp();
            var persisting = storage.WriteAsync(new()
            {
                HardState = ready.HardState,
                Install = ready.SnapshotToInstall is null ? null : await TakeStagedAsync(ready.SnapshotToInstall),
                Entries = ready.EntriesToPersist,
            });
            if (ready.MessagesWhilePersisting.Count > 0)
            {
                transport.Send(sender, ready.MessagesWhilePersisting);
            }

            await persisting;
            metrics.PersistDuration.Record(time.GetElapsedTime(startedAt).TotalSeconds);
        }
        else if (ready.MessagesAfterPersist.Any(static m => m is AppendAccepted or HeartbeatResponse or VoteResponse or QuiesceResponse))
        {
            await storage.ConfirmEpochAsync();
        }

        // 2. Only then speak.
        if (ready.MessagesAfterPersist.Count > 0)
        {
            transport.Send(sender, ready.MessagesAfterPersist);
        }

        // 3. Then apply and answer.
        if (ready.SnapshotToInstall is { } installed)
        {
            await stateMachine.LoadAsync();
            proposals.ForgetUpTo(installed.LastIncluded.Index);
            History.BeginAt(storage.State.Applied);
            LogSnapshotInstalled(logger, sender.Address, installed.LastIncluded);
        }

        if (ready.EntriesToApply.Count > 0)
        {
            RequirePayloads(ready.EntriesToApply);
            var results = await stateMachine.ApplyAsync(ready.EntriesToApply);
            History.Add(stateMachine.Changes, ready.EntriesToApply[^1].Index);
            for (var i = 0; i < results.Length; i++)
            {
                proposals.Settle(ready.EntriesToApply[i], results[i]);
            }

            metrics.EntriesApplied.Add(results.Length);
            if (stateMachine.HasRenewedLeases)
            {
                // The followers' clocks start when they apply it too: a heartbeat later would be a heartbeat too much for whoever leads next.
                node.TellCommit();
            }

            PublishLease();
        }

        reads.Take(ready, Leader);
        await ServeReadsAsync();

        // 4. Then the next.
        node.Advance();
        foreach (var follower in ready.SnapshotsToSend)
        {
            SendSnapshot(follower);
        }
    }

    private bool IsLeadingIn(Term term) => node.Role == RaftRole.Leader && node.Term == term;

    private ReplicaPlace? Leader() => members.PlaceOf(node.Leader);

    private PumpStatus CurrentStatus() =>
        new(node.Role, node.Term, Leader(), node.Commit, storage.State.Applied, node.LastEntry.Index, storage.Epoch, node.Configuration, node.IsConfigurationCommitted, node.IsQuiesced);

    private void PublishStatus()
    {
        var now = CurrentStatus();
        var before = status;
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
