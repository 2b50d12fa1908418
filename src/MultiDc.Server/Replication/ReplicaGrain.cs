using MultiDc.Grains;
using MultiDc.Routing.Links;
using MultiDc.Server.Founding;
using MultiDc.Server.Hosting;
using MultiDc.Server.Placement;
using MultiDc.Server.StateMachine;
using MultiDc.Storage;
using Orleans.Concurrency;
using Orleans.Placement;
using Orleans.GrainDirectory;

namespace MultiDc.Server.Replication;

/// <summary>
/// A replica as a grain: a shell that opens the replica, puts calls into its pump and waits for results. Orleans may run two activations
/// at once for a while; the store's epoch decides which of them counts.
/// </summary>
[DatacenterPlacement, GrainDirectory(SiloLocalGrainDirectory.Name), KeepAlive, Immovable, Reentrant]
internal sealed partial class ReplicaGrain(
    ReplicaFounder founder, ReplicaRecords records, ReplicaPumpFactory pumps, IDatacenterLinks links, DatacenterSiloChooser chooser, ILocalSiloDetails silo,
    TimeProvider time, ReplicaMetrics metrics, ILogger<ReplicaGrain> logger) : Grain, IReplicaGrain, IReplicaPeerGrain, IDisposable
{
    private static readonly TimeSpan FoundingRetry = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan RefusedRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FoundingPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestStoreRetry = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource closing = new();
    private readonly Dictionary<DatacenterId, Guid> homes = [];
    private readonly Dictionary<DatacenterId, ulong> epochs = [];
    private ReplicaAddress address;
    private Task running = Task.CompletedTask;
    private ReplicaPump? pump;
    private ReplicaId id;
    private string state = "founding";
    private string detail = "";

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var key = this.GetPrimaryKeyString();
        if (!ReplicaAddress.TryParse(key, out address) || address.Datacenter != links.Local)
        {
            throw new ArgumentException($"'{key}' is no replica of datacenter {links.Local}: the form is keyspace/shard@datacenter");
        }

        id = GroupMembers.IdOf(address.Datacenter);

        // Silos remember where a grain was and go on sending there, which makes Orleans activate it there again, unasked. Deactivating sends
        // the waiting messages on to the right silo and tells their senders; without this a refused replica would keep its home from
        // hearing anything, and two silos over one store would fence each other in turn.
        if (!await StepAsideAsync())
        {
            running = RunAsync();
        }
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await closing.CancelAsync();
        await running;
    }

    public void Dispose() => closing.Dispose();

    public async Task<OpenSessionReply> OpenSessionAsync(OpenSessionRequest request)
    {
        var applied = await ProposeAsync(OpenSessionCommand.Instance, request.Timeout);
        return new(applied.Session, applied.Result);
    }

    public async Task<WriteResult> WriteAsync(WriteRequest request)
    {
        var problem = KeyLimits.DescribeKeyProblem(request.Operation.Key.Span) ?? request.Operation switch
        {
            PutOperation put => KeyLimits.DescribeValueProblem(put.Value.Span),
            CompareAndSetOperation set => KeyLimits.DescribeValueProblem(set.Value.Span),
            _ => null,
        };
        return problem is null
            ? (await ProposeAsync(new WriteCommand(request.Session, request.Sequence, request.Operation), request.Timeout)).Result
            : new Rejected(RejectionReason.InvalidArgument, problem);
    }

    public Task<ReadResult> ReadAsync(Grains.ReadRequest request) => ReadAsync<ReadResult>(
        async state => new ReadServed(await KeyValueReader.GetAsync(state, request.Key)), static rejected => rejected, request.Timeout);

    public Task<ScanReply> ScanAsync(ScanRequest request) => ReadAsync(
        state => KeyValueReader.ScanAsync(state, request), static rejected => new ScanReply([], false, rejected), request.Timeout);

    public Task<ReplicaStatus> GetStatusAsync()
    {
        var now = pump?.Status;
        return Task.FromResult(new ReplicaStatus(
            address.ToString(), silo.Name, state, detail, (now?.Role ?? RaftRole.Follower).ToString(), now?.Term.Value ?? 0, now?.Leader,
            now?.Commit.Value ?? 0, now?.Applied.Value ?? 0, now?.Last.Value ?? 0, now?.Epoch.Value ?? 0));
    }

    public Task<bool> TransferLeadershipAsync(DatacenterId to) => pump?.TransferLeadershipAsync(GroupMembers.IdOf(to)) ?? Task.FromResult(false);

    public async Task DeliverAsync(ReplicaFrame frame)
    {
        if (pump is not { } target || await DescribeStrangerAsync(frame) is not null)
        {
            metrics.MessagesDropped.Add(1, new KeyValuePair<string, object?>("reason", pump is null ? "not_running" : "stranger"));
            return;
        }

        List<RaftMessage> messages;
        try
        {
            messages = FrameMessages.Decode(frame.Messages);
        }
        catch (CodecException exception)
        {
            metrics.MessagesDropped.Add(1, new KeyValuePair<string, object?>("reason", "unreadable"));
            LogUnreadable(logger, address, frame.From, exception);
            return;
        }

        var sender = GroupMembers.IdOf(frame.From);
        foreach (var message in messages)
        {
            // Nobody speaks in another's name.
            if (message.From == sender && message.To == id)
            {
                target.TryDeliver(message);
            }
        }
    }

    public async Task<SnapshotChunkReply> DeliverChunkAsync(SnapshotChunk chunk)
    {
        if (pump is not { } target || await DescribeStrangerAsync(chunk.Frame) is not null)
        {
            return new(false);
        }

        return FrameMessages.Decode(chunk.Frame.Messages) is [SnapshotRequest request] && request.From == GroupMembers.IdOf(chunk.Frame.From)
            ? await target.TakeChunkAsync(request, chunk)
            : new SnapshotChunkReply(false);
    }

    public async Task<IntroductionReply> IntroduceAsync(DatacenterId from, Guid storeId)
    {
        if (from == address.Datacenter || !links.Datacenters.Contains(from))
        {
            throw new ArgumentException($"'{from}' is no other datacenter of this system");
        }

        return await founder.AnswerAsync(address, from, storeId);
    }

    private async Task RunAsync()
    {
        try
        {
            while (await OpenAsync() is { } opened)
            {
                var storeIsAway = false;
                await using (pump = pumps.Start(address, opened))
                {
                    (state, detail) = ("running", "");
                    var stop = await pump.Completion.WaitAsync(closing.Token);
                    pump = null;
                    (state, detail) = ("stopped", stop.Detail);
                    if (stop.Reason == PumpStopReason.Fenced)
                    {
                        DeactivateOnIdle();
                        return;
                    }

                    if (stop.Reason is PumpStopReason.Broken or PumpStopReason.StoreFailed)
                    {
                        // Stays down, visibly, until someone looks and the process restarts.
                        return;
                    }

                    storeIsAway = stop.Reason == PumpStopReason.StoreUnavailable;
                }

                // While the store is away, opening waits for it by itself.
                await Task.Delay(storeIsAway ? FoundingRetry : RefusedRetry, time, closing.Token);
            }
        }
        catch (OperationCanceledException) when (closing.IsCancellationRequested)
        {
            pump = null;
            state = "stopped";
        }
        catch (Exception exception)
        {
            pump = null;
            (state, detail) = ("stopped", exception.Message);
            LogNotOpened(logger, address, exception);
        }
    }

    // Null: this activation is not the replica and ends.
    private async Task<Opened?> OpenAsync()
    {
        var begunAt = time.GetTimestamp();
        var storeRetry = FoundingRetry;
        while (true)
        {
            closing.Token.ThrowIfCancellationRequested();
            switch (await TryOpenAsync())
            {
                case StoreAway away:
                    // For as long as it takes: nobody restarts the silo when the database is back, and perhaps nobody asks for the replica.
                    (state, detail) = ("stopped", away.Detail);
                    await Task.Delay(storeRetry, time, closing.Token);
                    storeRetry = storeRetry * 2 < LongestStoreRetry ? storeRetry * 2 : LongestStoreRetry;
                    if (await StepAsideAsync())
                    {
                        return null;
                    }

                    begunAt = time.GetTimestamp();
                    break;
                case Opened opened:
                    return opened;
                case Refused refused:
                    if (detail != refused.Detail)
                    {
                        LogRefused(logger, address, refused.Detail);
                    }

                    // The home may come back, and then the director sends the callers there; this activation would be in the way.
                    (state, detail) = ("refused", refused.Detail);
                    await Task.Delay(RefusedRetry, time, closing.Token);
                    DeactivateOnIdle();
                    return null;
                case NotYet notYet:
                    (state, detail) = ("founding", notYet.Detail);
                    await Task.Delay(FoundingRetry, time, closing.Token);
                    if (await StepAsideAsync())
                    {
                        return null;
                    }

                    if (time.GetElapsedTime(begunAt) > FoundingPatience)
                    {
                        // Anybody can make up a key. A replica that the ring knows is woken again.
                        DeactivateOnIdle();
                        return null;
                    }

                    break;
            }
        }
    }

    private async Task<FoundingResult> TryOpenAsync()
    {
        try
        {
            return await founder.TryOpenAsync(address);
        }
        catch (StoreFullException exception)
        {
            // There may be space again; nobody restarts the silo for it.
            return new NotYet(exception.Message);
        }
        catch (StoreUnavailableException exception)
        {
            return new StoreAway(exception.Message);
        }
        catch (FencedException exception)
        {
            return new Refused(exception.Message);
        }
    }

    // True: this activation ends, because the replica's place is on another silo of the datacenter.
    private async ValueTask<bool> StepAsideAsync()
    {
        if (!await chooser.IsElsewhereAsync(address.ToString(), silo.SiloAddress))
        {
            return false;
        }

        (state, detail) = ("stopped", "its place is on another silo");
        LogSteppedAside(logger, address);
        DeactivateOnIdle();
        return true;
    }

    private async Task<ApplyResult> ProposeAsync(KeyValueCommand command, TimeSpan timeout)
    {
        if (pump is not { } target)
        {
            return new(new Rejected(RejectionReason.NotReady, NotReadyDetail));
        }

        try
        {
            return await target.ProposeAsync(KeyValueCommandCodec.Encode(command)).WaitAsync(timeout, time);
        }
        catch (TimeoutException)
        {
            return new(new Unknown($"not committed within {timeout.TotalMilliseconds:0} ms"));
        }
    }

    private async Task<TReply> ReadAsync<TReply>(Func<IReplicaState, ValueTask<TReply>> read, Func<ReadRejected, TReply> refuse, TimeSpan timeout)
    {
        if (pump is not { } target)
        {
            return refuse(new(RejectionReason.NotReady, NotReadyDetail));
        }

        try
        {
            return await target.ReadAsync(read, refuse).WaitAsync(timeout, time);
        }
        catch (TimeoutException)
        {
            return refuse(new(RejectionReason.Unavailable, $"the leadership was not confirmed within {timeout.TotalMilliseconds:0} ms"));
        }
    }

    private string NotReadyDetail => $"replica {address} is {state}{(detail.Length > 0 ? ": " : "")}{detail}";

    /// <summary>Says why the sender is not to be listened to, or null.</summary>
    private async ValueTask<string?> DescribeStrangerAsync(ReplicaFrame frame)
    {
        if (frame.Shard != address.Shard || frame.From == address.Datacenter)
        {
            return "another group";
        }

        if (!homes.TryGetValue(frame.From, out var home))
        {
            home = await records.RememberHomeAsync(new(address.Shard, frame.From), frame.StoreId);
            homes[frame.From] = home;
        }

        if (home != frame.StoreId)
        {
            return "another store";
        }

        // An older opening than one already heard is a zombie's.
        if (epochs.TryGetValue(frame.From, out var epoch) && frame.Epoch < epoch)
        {
            return "an older epoch";
        }

        epochs[frame.From] = frame.Epoch;
        return null;
    }

    [LoggerMessage(1060, LogLevel.Warning, "Replica {Replica} is refused: {Detail}")]
    private static partial void LogRefused(ILogger logger, ReplicaAddress replica, string detail);

    [LoggerMessage(1063, LogLevel.Debug, "Replica {Replica} was activated here, but its place is on another silo")]
    private static partial void LogSteppedAside(ILogger logger, ReplicaAddress replica);

    [LoggerMessage(1061, LogLevel.Error, "Replica {Replica} could not be opened")]
    private static partial void LogNotOpened(ILogger logger, ReplicaAddress replica, Exception exception);

    [LoggerMessage(1062, LogLevel.Warning, "Replica {Replica}: a frame from {Datacenter} is not readable")]
    private static partial void LogUnreadable(ILogger logger, ReplicaAddress replica, DatacenterId datacenter, Exception exception);
}
