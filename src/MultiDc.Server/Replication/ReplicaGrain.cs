using Microsoft.Extensions.Options;
using MultiDc.Grains;
using MultiDc.Routing.Links;
using MultiDc.Server.Founding;
using MultiDc.Server.Hosting;
using MultiDc.Server.Openings;
using MultiDc.Server.Placement;
using MultiDc.Server.Replacements;
using MultiDc.Server.Ring;
using MultiDc.Server.StateMachine;
using MultiDc.Server.Transport;
using MultiDc.Server.Trust;
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
    ReplicaFounder founder, ReplicaRecords records, OpeningJudge judge, ReplicaPumpFactory pumps, LocalReplicas locals, SiloGate gate, IDatacenterLinks links, DatacenterSiloChooser chooser, ILocalSiloDetails silo, IOptions<MultiDcOptions> options, KeyspacePolicies policies, DroppedReplicas drops,
    TimeProvider time, ReplicaMetrics metrics, ILogger<ReplicaGrain> logger) : Grain, IReplicaGrain, IReplicaPeerGrain, ILocalReplica, IDisposable
{
    private static readonly TimeSpan FoundingRetry = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan RefusedRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FoundingPatience = TimeSpan.FromSeconds(30);

    // Among thousands that are founded at once most of the time passes before the first.
    private const int LeastFoundingAttempts = 10;
    private static readonly TimeSpan PlacementCheck = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestStoreRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ChangeTimeout = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource closing = new();
    private ReplicaAddress address;
    private GroupMembers members = new(Array.Empty<DatacenterId>());
    private GroupConfiguration recovered = GroupConfiguration.None;
    private bool keepsMemory;
    private Task running = Task.CompletedTask;
    private OpeningPresenter? presenter;
    private volatile ReplicaPump? pump;
    private ReplicaId id;
    private string state = "founding";
    private string detail = "";

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await UnlockedActivation.Begin();
        var key = this.GetPrimaryKeyString();
        if (!ReplicaAddress.TryParse(key, out address) || address.Datacenter != links.Local)
        {
            throw new ArgumentException($"'{key}' is no replica of datacenter {links.Local}: the form is keyspace/shard@datacenter, with #2 and so on behind it for further ones of the shard");
        }

        id = GroupMembers.IdOf(address.Place);

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
        await SaveMemoryAsync();
    }

    public void Dispose() => closing.Dispose();

    public Task<ScanReply> ScanAsync(ScanRequest request) => ReadAsync(
        state => KeyValueReader.ScanAsync(state, request), static rejected => new ScanReply([], false, rejected), request.Timeout);

    public Task<ReplicaStatus> GetStatusAsync()
    {
        var now = pump?.Status;
        return Task.FromResult(new ReplicaStatus(
            address.ToString(), silo.Name, state, detail, now?.Configuration.IsWitness(id) == true ? "Witness" : (now?.Role ?? RaftRole.Follower).ToString(), now?.Term.Value ?? 0, now?.Leader?.Datacenter,
            now?.Commit.Value ?? 0, now?.Applied.Value ?? 0, now?.Last.Value ?? 0, now?.Epoch.Value ?? 0)
        {
            LeaderOrdinal = now?.Leader is { IsFirst: false } leader ? leader.Ordinal : 0,
        });
    }

    public Task<bool> TransferLeadershipAsync(DatacenterId to) => pump is { } target
        ? target.TransferLeadershipAsync(target.Status.Configuration.Voters.Where(voter => members.DatacenterOf(voter) == to).OrderBy(voter => voter == id ? 0 : 1).FirstOrDefault())
        : Task.FromResult(false);

    private async Task RunAsync()
    {
        try
        {
            while (await OpenAsync() is { } opened)
            {
                var ended = await TakePartAsync(opened);
                switch (ended)
                {
                    case null:
                        return;
                    case Refused refused:
                        await RefuseAsync(refused);
                        return;
                    case KeyspaceDropped dropped:
                        await EndAsync(dropped);
                        return;
                }

                // While the store is away, opening waits for it by itself.
                await Task.Delay(ended is StoreAway ? FoundingRetry : RefusedRetry, time, closing.Token);
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
        var notYets = 0;
        while (true)
        {
            closing.Token.ThrowIfCancellationRequested();
            FoundingResult attempt;
            using (var turn = await TakeTurnAsync())
            {
                // It may have waited for long, among thousands.
                if (turn is not null && await StepAsideAsync())
                {
                    return null;
                }

                attempt = await TryOpenAsync();
            }

            switch (attempt)
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
                    await RefuseAsync(refused);
                    return null;
                case KeyspaceDropped dropped:
                    await EndAsync(dropped);
                    return null;
                case NotYet notYet:
                    (state, detail) = ("founding", notYet.Detail);
                    await Task.Delay(notYet.NeedsAnotherSilo ? PlacementCheck : FoundingRetry, time, closing.Token);
                    if (await StepAsideAsync())
                    {
                        return null;
                    }

                    if (++notYets >= LeastFoundingAttempts && time.GetElapsedTime(begunAt) > FoundingPatience)
                    {
                        // Anybody can make up a key. A replica that the ring knows is woken again.
                        DeactivateOnIdle();
                        return null;
                    }

                    break;
            }
        }
    }

    /// <summary>Presents the opening, and runs the replica once it is accepted.</summary>
    /// <returns>Null: this activation ends. <see cref="Refused"/>: it must not go on. <see cref="KeyspaceDropped"/>: nor anybody. <see cref="NotYet"/> or <see cref="StoreAway"/>: the replica is to be opened again.</returns>
    private async Task<FoundingResult?> TakePartAsync(Opened opened)
    {
        var isRunning = false;
        try
        {
            await RecallAsync(opened);
            await using var joining = new GroupJoiner(address, opened, founder, records.StoreId, links, gate.Own, time, logger)
            {
                AskSelf = isWitness => JoinAsync(address.Place, records.StoreId, isWitness),
            };
            joining.Start();
            if (!await WaitUntilDecidedAsync("joining", joining.Member, joining.Refused, () => joining.Detail))
            {
                return DroppedOrNull;
            }

            if (joining.Refused.IsCompleted)
            {
                return await joining.Refused;
            }

            await using var presenting = presenter = new(address, opened, records, links, gate.Own, metrics, time, logger)
            {
                FindSuccessor = () => founder.FindSuccessorAsync(address),
            };
            presenting.Start();
            if (!await WaitUntilDecidedAsync("presenting", presenting.Accepted, presenting.Refused, () => presenting.Detail))
            {
                return DroppedOrNull;
            }

            if (presenting.Refused.IsCompleted)
            {
                return await presenting.Refused;
            }

            isRunning = true;
            return await RunPumpAsync(opened, presenting, joining);
        }
        catch (StoreUnavailableException exception)
        {
            return new StoreAway(exception.Message);
        }
        finally
        {
            presenter = null;
            if (!isRunning)
            {
                await opened.Storage.DisposeAsync();
            }
        }
    }

    // False: the replica's place is on another silo, or nowhere any more.
    private async Task<bool> WaitUntilDecidedAsync(string waiting, Task accepted, Task<Refused> refused, Func<string> describe)
    {
        while (!accepted.IsCompleted && !refused.IsCompleted)
        {
            (state, detail) = (waiting, describe());
            await Task.WhenAny(accepted, refused, Task.Delay(PlacementCheck, time, closing.Token));
            closing.Token.ThrowIfCancellationRequested();
            if (!accepted.IsCompleted && (policies.HasDropped(address.Shard.Keyspace) || await StepAsideAsync()))
            {
                return false;
            }
        }

        return true;
    }

    private async Task<FoundingResult?> RunPumpAsync(Opened opened, OpeningPresenter presenting, GroupJoiner joining)
    {
        await using (pump = pumps.Start(address, opened, members, AskAboutLeasesAsync))
        {
            staleReader = NewStaleReader(pump);
            (state, detail) = ("running", "");
            var completion = pump.Completion;
            var dropped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using var dropping = policies.WhenDropped(address.Shard.Keyspace, () => dropped.TrySetResult());
            locals.Add(address, this);
            try
            {
                await Task.WhenAny(completion, presenting.Refused, joining.Refused, dropped.Task).WaitAsync(closing.Token);
            }
            finally
            {
                locals.Remove(address, this);
            }

            recovered = pump.Status.Configuration;
            pump = null;
            if (dropped.Task.IsCompleted)
            {
                return Dropped;
            }

            if (presenting.Refused.IsCompleted || joining.Refused.IsCompleted)
            {
                return await (presenting.Refused.IsCompleted ? presenting.Refused : joining.Refused);
            }

            var stop = await completion;
            (state, detail) = ("stopped", stop.Detail);
            if (stop.Reason == PumpStopReason.Fenced)
            {
                // What the later opening has heard since is not to be written over.
                keepsMemory = false;
                DeactivateOnIdle();
                return null;
            }

            return stop.Reason switch
            {
                // Stays down, visibly, until someone looks and the process restarts.
                PumpStopReason.Broken or PumpStopReason.StoreFailed => null,
                PumpStopReason.StoreUnavailable => new StoreAway(stop.Detail),
                _ => new NotYet(stop.Detail),
            };
        }
    }

    private async Task RefuseAsync(Refused refused)
    {
        if (detail != refused.Detail)
        {
            LogRefused(logger, address, refused.Detail);
        }

        // The home may come back, and then the director sends the callers there; this activation would be in the way.
        (state, detail) = ("refused", refused.Detail);
        await Task.Delay(RefusedRetry, time, closing.Token);
        DeactivateOnIdle();
    }

    // What is left of it is erased, and callers that do not know it yet are told.
    private async Task EndAsync(KeyspaceDropped dropped)
    {
        (state, detail, keepsMemory) = ("dropped", dropped.Detail, false);
        if (await records.GetDescriptorAsync(address) is not null)
        {
            // Anybody can make up a key: of what was never here nothing is kept.
            await drops.EndAsync(address);
        }

        await Task.Delay(RefusedRetry, time, closing.Token);
        DeactivateOnIdle();
    }

    // What this store knows of the other replicas, beside what its silo has heard.
    private async Task RecallAsync(Opened opened)
    {
        id = opened.Replacement ?? GroupMembers.IdOf(address.Place);
        recovered = opened.Configuration;
        members = opened.Descriptor.Members;
        members.Follow(recovered);
        keepsMemory = true;
        var voted = opened.Storage.Recovered.HardState;
        foreach (var other in Others())
        {
            await judge.LoadAsync(other);
            if (voted.VotedFor == other.Id)
            {
                // Who is voted for stood for election in that term.
                judge.Hear(other, new(voted.Term.Value, voted.VotedFor.Value, 0));
            }
        }
    }

    private IEnumerable<GroupMember> Others() => members.All
        .Where(member => member.Place != address.Place).Select(member => new GroupMember(ReplicaAddress.Of(address.Shard, member.Place), member.Id));

    private async Task SaveMemoryAsync()
    {
        if (!keepsMemory)
        {
            return;
        }

        try
        {
            foreach (var other in Others())
            {
                await judge.SaveAsync(other);
            }
        }
        catch (Exception exception)
        {
            LogMemoryNotSaved(logger, address, exception.Message);
        }
    }

    private async ValueTask<IDisposable?> TakeTurnAsync()
    {
        try
        {
            return await founder.TakeTurnAsync(address, closing.Token);
        }
        catch (StoreUnavailableException)
        {
            // As the attempt will find and tell.
            return null;
        }
    }

    private async Task<FoundingResult> TryOpenAsync()
    {
        try
        {
            return policies.HasDropped(address.Shard.Keyspace) ? Dropped : await founder.TryOpenAsync(address);
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

    private KeyspaceDropped Dropped => new($"keyspace '{Names.KeyspaceOf(address.Shard.Keyspace)}' was dropped");

    private KeyspaceDropped? DroppedOrNull => policies.HasDropped(address.Shard.Keyspace) ? Dropped : null;

    private RejectionReason WhyNotServed => IsDropped ? RejectionReason.UnknownKeyspace : RejectionReason.NotReady;

    private bool IsDropped => state == "dropped" || policies.HasDropped(address.Shard.Keyspace);

    private string NotReadyDetail => IsDropped ? Dropped.Detail : $"replica {address} is {state}{(detail.Length > 0 ? ": " : "")}{detail}";

    [LoggerMessage(1060, LogLevel.Warning, "Replica {Replica} is refused: {Detail}")]
    private static partial void LogRefused(ILogger logger, ReplicaAddress replica, string detail);

    [LoggerMessage(1063, LogLevel.Debug, "Replica {Replica} was activated here, but its place is on another silo")]
    private static partial void LogSteppedAside(ILogger logger, ReplicaAddress replica);

    [LoggerMessage(1061, LogLevel.Error, "Replica {Replica} could not be opened")]
    private static partial void LogNotOpened(ILogger logger, ReplicaAddress replica, Exception exception);

    [LoggerMessage(1064, LogLevel.Debug, "Replica {Replica}: what it heard of the others could not be written: {Reason}")]
    private static partial void LogMemoryNotSaved(ILogger logger, ReplicaAddress replica, string reason);
}
