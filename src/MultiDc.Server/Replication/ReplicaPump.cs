using MultiDc.Ring;
using MultiDc.Server.StateMachine;
using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>
/// The one place of a replica that acts. Inputs come into a bounded inbox; one loop steps the node and carries out its Ready: persist, then
/// speak, then apply and answer, then advance. A plain class: it needs no silo, and runs on whatever scheduler starts it.
/// </summary>
internal sealed partial class ReplicaPump : IAsyncDisposable
{
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
    private readonly SnapshotReceiver snapshotReceiver;
    private readonly SnapshotSender snapshotSender;
    private readonly CancellationTokenSource stopping = new();
    private readonly List<Task> background = [];
    private readonly Dictionary<ReplicaId, LogIndex> snapshotsUnderWay = [];
    private IStagedSnapshot? stagedSnapshot;
    private Task<PumpStop>? completion;
    private bool compacting;
    private int ticksSinceEpochCheck;
    private volatile PumpStatus status;

    public ReplicaPump(
        ReplicaSender sender,
        GroupMembers members,
        HashRange range,
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
        node = new RaftNode(nodeOptions, storage.Recovered, random);
        stateMachine = new(storage.State, range);
        snapshotReceiver = new(storage.State);
        snapshotSender = new(transport, sender, options);
        reads = new(options.MaxHeldReads);
        inbox = new(options.MaxWaitingMessages, options.MaxWaitingRequests);
        status = CurrentStatus();
    }

    /// <summary>What the node was doing after its last round.</summary>
    public PumpStatus Status => status;

    /// <summary>Hands in a Raft message; false when it was dropped.</summary>
    public bool TryDeliver(RaftMessage message)
    {
        if (inbox.TryAddMessage(message))
        {
            return true;
        }

        metrics.MessagesDropped.Add(1, new KeyValuePair<string, object?>("reason", "inbox_full"));
        return false;
    }

    /// <summary>One tick has passed. Ticks that come while the pump is held up count once.</summary>
    public void Tick() => inbox.Tick();

    /// <summary>Proposes a command; the result comes when an entry is applied at its place in the log.</summary>
    public Task<ApplyResult> ProposeAsync(ReadOnlyMemory<byte> payload)
    {
        var request = new ProposeRequest(payload);
        if (Enqueue(request) is var (reason, detail))
        {
            request.Complete(new(new Rejected(reason, detail)));
        }

        return request.Result;
    }

    /// <summary>Reads, linearizably.</summary>
    public Task<TReply> ReadAsync<TReply>(Func<IReplicaState, ValueTask<TReply>> read, Func<ReadRejected, TReply> refuse)
    {
        var request = new LinearizableRead<TReply>(read, refuse);
        if (Enqueue(request) is var (reason, detail))
        {
            request.Refuse(new(reason, detail));
        }

        return request.Result;
    }

    /// <summary>Takes a chunk of a snapshot.</summary>
    public Task<SnapshotChunkReply> TakeChunkAsync(SnapshotRequest request, SnapshotChunk chunk)
    {
        var turn = new TurnRequest<SnapshotChunkReply>(() => TakeChunkOnTurnAsync(request, chunk), new(false));
        return Enqueue(turn) is null ? turn.Result : Task.FromResult(new SnapshotChunkReply(false));
    }

    /// <summary>Begins to hand the leadership over.</summary>
    public Task<bool> TransferLeadershipAsync(ReplicaId to)
    {
        var turn = new TurnRequest<bool>(() => ValueTask.FromResult(node.TransferLeadership(to)), false);
        return Enqueue(turn) is null ? turn.Result : Task.FromResult(false);
    }

    /// <summary>Starts the loop, which then stays on the scheduler.</summary>
    public void Start(TaskScheduler scheduler) =>
        completion = Task.Factory.StartNew(RunAsync, CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler).Unwrap();

    /// <summary>Ends when the loop has ended, whatever ended it, and the storage is closed. Never faults.</summary>
    public Task<PumpStop> Completion => completion ?? throw new InvalidOperationException("the pump was not started");

    /// <summary>Ends the loop and closes the storage.</summary>
    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
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
        catch (IOException exception)
        {
            stop = new(PumpStopReason.StoreFailed, exception.Message);
        }
        catch (Exception exception)
        {
            // An invariant, a format or a bug: whatever it is, this replica must not go on over it.
            LogBroken(logger, sender.Address, exception);
            stop = new(PumpStopReason.Broken, exception.Message);
        }

        await CloseAsync(stop);
        return stop;
    }

    private async Task<PumpStop> PumpAsync()
    {
        while (await inbox.WaitAsync(stopping.Token))
        {
            inbox.ResetWake();
            await StepAsync();
            do
            {
                await CarryOutAllAsync();
            }
            while (reads.Retry(node, Leader));

            await reads.ServeAsync(storage);
            PublishStatus();
            CompactIfLarge();
        }

        return new(PumpStopReason.Requested, "the replica was closed");
    }

    private async ValueTask StepAsync()
    {
        while (inbox.TryTakeCompletion(out var completion))
        {
            await ((ITurn)completion).RunAsync();
        }

        for (var i = 0; i < options.MaxWaitingMessages && inbox.TryTakeMessage(out var message); i++)
        {
            node.Step(message);
        }

        // After the messages: a heartbeat that waited here must be seen before the tick that would miss it.
        if (inbox.TakeTick())
        {
            node.Tick();
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
            case ProposeRequest propose:
                Propose(propose);
                break;
            case LinearizableRead read when options.UnsafeReadsWithoutReadIndex:
                await read.ServeAsync(storage.State);
                break;
            case LinearizableRead read:
                reads.Begin(node, read, Leader);
                break;
            case ITurn turn:
                await turn.RunAsync();
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private void Propose(ProposeRequest request)
    {
        if (proposals.Count >= options.MaxOpenProposals)
        {
            request.Complete(new(new Rejected(RejectionReason.Overloaded, $"the fate of {proposals.Count} writes is open")));
            return;
        }

        var result = node.Propose(request.Payload);
        if (result.Accepted)
        {
            request.ProposedAs = result.Id;
            proposals.Add(request);
            return;
        }

        request.Complete(new(result.Refusal switch
        {
            ProposalRefusal.Overloaded => new Rejected(RejectionReason.Overloaded, "too many bytes of writes are not yet committed"),
            ProposalRefusal.TransferInProgress => new Rejected(RejectionReason.Overloaded, "the leadership is being handed over"),
            _ => new Rejected(RejectionReason.NotLeader, "this replica does not lead", Leader()),
        }));
    }

    private async ValueTask CarryOutAllAsync()
    {
        while (node.TryGetReady(out var ready))
        {
            await CarryOutAsync(ready);
        }
    }

    private async ValueTask CarryOutAsync(Ready ready)
    {
        // 1. Durable first: the term and vote behind a vote, the entries behind an acknowledgement.
        if (ready.HardState is not null || ready.SnapshotToInstall is not null || ready.EntriesToPersist.Count > 0)
        {
            var startedAt = time.GetTimestamp();
            await storage.WriteAsync(new()
            {
                HardState = ready.HardState,
                Install = ready.SnapshotToInstall is null ? null : TakeStaged(ready.SnapshotToInstall),
                Entries = ready.EntriesToPersist,
            });
            metrics.PersistDuration.Record(time.GetElapsedTime(startedAt).TotalSeconds);
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
            LogSnapshotInstalled(logger, sender.Address, installed.LastIncluded);
        }

        if (ready.EntriesToApply.Count > 0)
        {
            var results = await stateMachine.ApplyAsync(ready.EntriesToApply);
            for (var i = 0; i < results.Length; i++)
            {
                proposals.Settle(ready.EntriesToApply[i], results[i]);
            }

            metrics.EntriesApplied.Add(results.Length);
        }

        reads.Take(ready, Leader);
        await reads.ServeAsync(storage);

        // 4. Then the next.
        node.Advance();
        foreach (var follower in ready.SnapshotsToSend)
        {
            SendSnapshot(follower);
        }
    }

    private IStagedSnapshot TakeStaged(SnapshotMetadata wanted)
    {
        Invariant.Require(stagedSnapshot?.Metadata.LastIncluded == wanted.LastIncluded, "the node installs the snapshot that was staged last (§5)");
        var staged = stagedSnapshot;
        stagedSnapshot = null;
        return staged;
    }

    private async ValueTask<SnapshotChunkReply> TakeChunkOnTurnAsync(SnapshotRequest request, SnapshotChunk chunk)
    {
        if (request.Term < node.Term || request.To != node.Id)
        {
            return new(false);
        }

        var (taken, complete) = await snapshotReceiver.TakeAsync(request, chunk);
        if (complete is not null)
        {
            stagedSnapshot = complete;
            node.Step(request);

            // At once: the next request may be the first chunk of another stream, which drops what is staged.
            await CarryOutAllAsync();
            stagedSnapshot = null;
        }

        return new(taken);
    }

    private void SendSnapshot(ReplicaId to)
    {
        var view = storage.State.OpenView();
        var request = new SnapshotRequest(node.Id, to, node.Term, node.SnapshotAt(view.Applied));
        LogSnapshotBegun(logger, sender.Address, members.DatacenterOf(to), request.Snapshot.LastIncluded);
        snapshotsUnderWay[to] = request.Snapshot.LastIncluded.Index;
        background.RemoveAll(static task => task.IsCompleted);
        background.Add(StreamAsync());

        async Task StreamAsync()
        {
            var delivered = false;
            try
            {
                using (view)
                {
                    delivered = await snapshotSender.SendAsync(request, view, stopping.Token);
                }
            }
            catch (Exception exception)
            {
                // The follower is away or this replica is closing; the node asks for another snapshot if one is still needed.
                LogSnapshotFailed(logger, sender.Address, members.DatacenterOf(to), exception.Message);
            }

            inbox.AddCompletion(new TurnRequest<bool>(
                () =>
                {
                    snapshotsUnderWay.Remove(to);
                    node.ReportSnapshot(to, delivered);
                    return ValueTask.FromResult(true);
                },
                false));
        }
    }

    // A few entries stay for followers that lag a little, unless they are so large that keeping them defeats the purpose.
    private ulong EntriesToKeep => node.RetainedBytes > 4 * options.CompactAfterBytes ? 0UL : (ulong)options.KeepEntries;

    private ulong CompactableTo()
    {
        var to = node.Applied.Value - Math.Min(node.Applied.Value, EntriesToKeep);

        // A follower that is here and behind, or takes a snapshot just now, must find what comes next, or under load it would need snapshot
        // after snapshot and never catch up. Not at any price, though: the log is in memory.
        return node.RetainedBytes > 8 * options.CompactAfterBytes
            ? to
            : snapshotsUnderWay.Values.Append(node.LeastMatchHeard()).Aggregate(to, static (least, index) => Math.Min(least, index.Value));
    }

    private void CompactIfLarge()
    {
        if (compacting || node.RetainedBytes < options.CompactAfterBytes)
        {
            return;
        }

        // Worth a flush only if a good part of the log would go: the bytes may lie in entries that are kept, or that are not applied yet.
        var (first, last) = (node.CompactedTo.Index.Value, node.LastEntry.Index.Value);
        if (CompactableTo() <= first + Math.Max(EntriesToKeep / 2, (last - first) / 8))
        {
            return;
        }

        compacting = true;
        background.RemoveAll(static task => task.IsCompleted);
        background.Add(FlushThenCompactAsync());

        async Task FlushThenCompactAsync()
        {
            Exception? failure = null;
            try
            {
                await storage.State.FlushAsync(stopping.Token);
            }
            catch (Exception exception)
            {
                failure = exception;
            }

            inbox.AddCompletion(new TurnRequest<bool>(
                async () =>
                {
                    compacting = false;
                    if (failure is not null)
                    {
                        System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
                    }

                    await CompactAsync();
                    return true;
                },
                false));
        }
    }

    private async ValueTask CompactAsync()
    {
        var to = new LogIndex(Math.Min(CompactableTo(), storage.State.DurableApplied.Value));
        if (to > node.CompactedTo.Index)
        {
            await storage.CompactToAsync(node.SnapshotAt(to));
            node.CompactTo(to);
        }
    }

    /// <summary>Hands in a request; what to refuse it with, if it was not taken.</summary>
    private (RejectionReason Reason, string Detail)? Enqueue(PumpRequest request)
    {
        if (inbox.TryAddRequest(request))
        {
            if (inbox.IsClosed)
            {
                // It may have come behind the last look into the inbox. Abandoning what is answered already changes nothing.
                request.Abandon(new(PumpStopReason.Requested, "the replica has stopped"));
            }

            return null;
        }

        if (inbox.IsClosed)
        {
            return (RejectionReason.NotReady, "the replica has stopped");
        }

        metrics.RequestsRefused.Add(1);
        return (RejectionReason.Overloaded, $"{options.MaxWaitingRequests} requests wait already");
    }

    private DatacenterId? Leader() => members.DatacenterOf(node.Leader);

    private PumpStatus CurrentStatus() => new(node.Role, node.Term, Leader(), node.Commit, storage.State.Applied, node.LastEntry.Index, storage.Epoch);

    private void PublishStatus()
    {
        var now = CurrentStatus();
        var before = status;
        status = now;
        if (now.Role == RaftRole.Leader && (before.Role != RaftRole.Leader || before.Term != now.Term))
        {
            metrics.LeadershipsWon.Add(1);
            LogLeading(logger, sender.Address, now.Term);
        }
        else if (now.Role != RaftRole.Leader && before.Role == RaftRole.Leader)
        {
            LogNotLeading(logger, sender.Address, now.Term, now.Leader);
        }
    }

    private async Task CloseAsync(PumpStop stop)
    {
        metrics.Stops.Add(1, new KeyValuePair<string, object?>("reason", stop.Reason.ToString()));
        LogStopped(logger, sender.Address, stop.Reason, stop.Detail);
        inbox.Close();
        await stopping.CancelAsync();
        await Task.WhenAll(background);
        while (inbox.TryTakeRequest(out var request) || inbox.TryTakeCompletion(out request))
        {
            request.Abandon(stop);
        }

        proposals.AbandonAll(stop);
        reads.AbandonAll(stop);
        await storage.DisposeAsync();
    }

    [LoggerMessage(1000, LogLevel.Information, "Replica {Replica} leads in term {Term}")]
    private static partial void LogLeading(ILogger logger, ReplicaAddress replica, Term term);

    [LoggerMessage(1001, LogLevel.Information, "Replica {Replica} leads no more; term {Term}, leader {Leader}")]
    private static partial void LogNotLeading(ILogger logger, ReplicaAddress replica, Term term, DatacenterId? leader);

    [LoggerMessage(1002, LogLevel.Information, "Replica {Replica} stopped: {Reason}: {Detail}")]
    private static partial void LogStopped(ILogger logger, ReplicaAddress replica, PumpStopReason reason, string detail);

    [LoggerMessage(1003, LogLevel.Critical, "Replica {Replica} is broken and stays down; its files are kept")]
    private static partial void LogBroken(ILogger logger, ReplicaAddress replica, Exception exception);

    [LoggerMessage(1004, LogLevel.Information, "Replica {Replica} installed a snapshot up to {LastIncluded}")]
    private static partial void LogSnapshotInstalled(ILogger logger, ReplicaAddress replica, EntryId lastIncluded);

    [LoggerMessage(1005, LogLevel.Information, "Replica {Replica} sends {To} a snapshot up to {LastIncluded}")]
    private static partial void LogSnapshotBegun(ILogger logger, ReplicaAddress replica, DatacenterId? to, EntryId lastIncluded);

    [LoggerMessage(1006, LogLevel.Information, "Replica {Replica}: the snapshot for {To} did not get through: {Reason}")]
    private static partial void LogSnapshotFailed(ILogger logger, ReplicaAddress replica, DatacenterId? to, string reason);
}

/// <summary>What a replica's node was doing after a round.</summary>
internal sealed record PumpStatus(RaftRole Role, Term Term, DatacenterId? Leader, LogIndex Commit, LogIndex Applied, LogIndex Last, Epoch Epoch);
