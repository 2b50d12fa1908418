using MultiDc.Ring;
using MultiDc.Server.Openings;
using MultiDc.Server.Replication;
using MultiDc.Server.StateMachine;
using MultiDc.Storage;

namespace MultiDc.Simulation;

/// <summary>
/// One activation of a replica in one process: opens the store, runs the real pump over it, ticks it by its machine's clock, and answers
/// what the network brings. It ends by itself when its pump does, or is killed, after which nothing of it runs.
/// </summary>
internal sealed class ReplicaProcess : IOccurrence, ITickSource
{
    private readonly SimulatedWorld world;
    private readonly SimulatedStore store;
    private readonly ProcessScheduler scheduler;
    private readonly Dictionary<int, ulong> epochsHeard = [];
    private readonly ulong randomName;
    private Action? tick;
    private bool stopHandled;

    public ReplicaProcess(SimulatedWorld world, SimulatedReplica replica, ulong number)
    {
        this.world = world;
        Replica = replica;
        Number = number;
        randomName = number;
        store = new(replica.Disk);
        scheduler = new(world.Events, world.Random.Branch(1_000_000 + number), world.Plan.Turns, world.Violations, AfterTurn);
    }

    public SimulatedReplica Replica { get; }

    /// <summary>Counts the activations of a run.</summary>
    public ulong Number { get; }

    /// <summary>Null until the store is open.</summary>
    public ReplicaPump? Pump { get; private set; }

    public SimulatedStorage? Storage { get; private set; }

    public bool IsPaused { get; private set; }

    public bool IsEnded { get; private set; }

    /// <summary>What the checks saw of it last.</summary>
    public ReplicaSighting Sighting { get; } = new();

    /// <summary>Ticks that a fault takes away from it, as when the tick thread is starved.</summary>
    public bool IsStarvedOfTicks { get; set; }

    public void Start()
    {
        world.Digest.Add(DigestTag.Process, (ulong)Replica.Number, Number);
        Run(ActivateAsync);
        world.Events.After(world.Random.Between(TimeSpan.Zero, world.Plan.Tick), this);
    }

    /// <summary>The pump takes ticks from now on, at its machine's next, until it falls silent.</summary>
    public IDisposable Register(Action onTick)
    {
        tick = onTick;
        return new TickRegistration(this);
    }

    public void Unregister()
    {
        tick = null;
        world.RareEvents.HitIf(!IsEnded, RareEvent.FellSilent);
    }

    /// <summary>A tick of its machine.</summary>
    public void Happen()
    {
        if (IsEnded)
        {
            return;
        }

        if (!IsPaused && !IsStarvedOfTicks)
        {
            tick?.Invoke();
        }

        world.Events.After(Replica.Clock.TrueTimeOf(world.Plan.Tick), this);
    }

    public void Pause()
    {
        IsPaused = true;
        scheduler.Pause();
    }

    public void Resume()
    {
        IsPaused = false;
        scheduler.Resume();
    }

    /// <summary>It ends at once, in the middle of whatever it was doing.</summary>
    public void Kill()
    {
        IsEnded = true;
        Pump = null;
        scheduler.End();
    }

    /// <summary>It is asked to end, and does in its own time.</summary>
    public void Close()
    {
        if (Pump is { } pump)
        {
            Run(() => pump.DisposeAsync().AsTask());
        }
        else
        {
            Kill();
        }
    }

    /// <summary>Runs something in this process, on its own turn.</summary>
    public void Run(Func<Task> work) =>
        _ = Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler);

    /// <summary>Asks the pump for something in this process, and calls back there.</summary>
    public void Ask<T>(Func<ReplicaPump, Task<T>> ask, Action<T> then)
    {
        var pump = Pump!;
        Run(async () => then(await ask(pump)));
    }

    /// <summary>What a replica's grain does with a frame before its pump sees it: strangers and zombies are turned away.</summary>
    public void Deliver(RaftFrame frame)
    {
        if (Pump is not { } pump || IsStranger(frame.From, frame.Frame))
        {
            return;
        }

        foreach (var message in frame.Messages)
        {
            if (message.From == frame.From.Id && message.To == Replica.Id && !pump.TryDeliver(message))
            {
                world.RareEvents.Hit(RareEvent.InboxFull);
            }
        }

        world.Checks.HandedIn(this);
    }

    public void Deliver(ChunkParcel parcel)
    {
        if (Pump is null || IsStranger(parcel.From, parcel.Chunk.Frame))
        {
            return;
        }

        var request = (SnapshotRequest)FrameMessages.Decode(parcel.Chunk.Frame.Messages).Single();
        Ask(pump => pump.TakeChunkAsync(request, parcel.Chunk), reply =>
        {
            world.RareEvents.HitIf(!reply.Accepted, RareEvent.SnapshotChunkRefused);
            world.Network.Send(Replica.Number, parcel.From.Number, new ChunkReplyParcel(parcel, reply));
        });
    }

    /// <summary>What a replica's grain does with a client's request.</summary>
    public void Serve(RequestParcel request)
    {
        if (Pump is null)
        {
            var detail = $"replica {Replica} is founding";
            request.Reply(new(new Rejected(RejectionReason.NotReady, detail), null, new ReadRejected(RejectionReason.NotReady, detail)));
            return;
        }

        if (request.Command is { } command)
        {
            Ask(pump => pump.ProposeAsync(KeyValueCommandCodec.Encode(command)), applied =>
            {
                world.RareEvents.HitIf(applied.Result is Unknown { Detail: "the session has gone on to later writes" }, RareEvent.LateCopyMetSession);
                request.Reply(new(applied.Result, applied.Session, null));
            });
            return;
        }

        Ask(
            pump => pump.ReadAsync<ReadResult>(
                async state =>
                {
                    world.Checks.Reads.Serving(this, state.Applied, request.MustSee);
                    return new ReadServed(await KeyValueReader.GetAsync(state, request.Key));
                },
                static rejected => rejected),
            result => request.Reply(new(null, null, result)));
    }

    public override string ToString() => $"{Replica}#{Storage?.Epoch.Value ?? 0}";

    private bool IsStranger(SimulatedReplica from, ReplicaFrame frame)
    {
        var isStranger = frame.StoreId != from.HomeStore || (epochsHeard.TryGetValue(from.Number, out var epoch) && frame.Epoch < epoch);
        if (isStranger)
        {
            world.RareEvents.Hit(RareEvent.StrangerTurnedAway);
            return true;
        }

        epochsHeard[from.Number] = frame.Epoch;
        return false;
    }

    private async Task ActivateAsync()
    {
        try
        {
            // A store that is not the replica's home founds nothing: whoever forgot its vote must never vote again.
            var isHome = Replica.HomeStore == store.Identity.StoreId;
            if (await store.OpenAsync(Replica.StoreName, isHome ? Replica.Founding : null) is not SimulatedStorage opening)
            {
                world.RareEvents.Hit(RareEvent.WipedReplicaRefused);
                world.Conversation.Tell($"{Replica} is refused: nothing of it is on this disk");
                End();
                return;
            }

            Storage = opening;
            opening.Process = this;
            world.Conversation.Tell($"{this} opens at {opening.Recovered.HardState} with {opening.Recovered.Entries.Count} entries after {opening.Recovered.Snapshot.LastIncluded}");
            world.Checks.Memory.Opened(this, Presentation.Of(store.Identity.StoreId, opening.Epoch, Guid.Empty, opening.Recovered));
            Pump = new(
                new(Replica.Address, store.Identity.StoreId, opening.Epoch),
                world.Members,
                HashRange.Full,
                world.Plan.Node with { Id = Replica.Id, Probes = world.Probes },
                world.Plan.Pump,
                opening,
                new ProcessTransport(world, this),
                world.Random.Branch(2_000_000 + randomName),
                Replica.Clock,
                world.Metrics,
                world.Logger)
            {
                Heard = (message, termAtMatch) => world.Checks.Memory.Heard(Replica, message, termAtMatch),
            };
            Pump.Start(scheduler, this);
        }
        catch (StoreCorruptedException exception)
        {
            world.RareEvents.Hit(RareEvent.CorruptedStoreRefused);
            world.Conversation.Tell($"{Replica} is refused: {exception.Message}");
            Replica.IsLost = true;
            End();
        }
        catch (Exception exception) when (exception is IOException or FencedException)
        {
            world.Conversation.Tell($"{Replica} does not open: {exception.Message}");
            End();
        }
    }

    private void AfterTurn()
    {
        if (Pump is null || IsEnded)
        {
            return;
        }

        if (!Pump.Completion.IsCompleted)
        {
            world.Checks.Observe(this);
        }
        else if (!stopHandled)
        {
            stopHandled = true;
            TakeStop(Pump.Completion.Result);
        }
    }

    private void TakeStop(PumpStop stop)
    {
        world.Conversation.Tell($"{this} has stopped: {stop.Reason}: {stop.Detail}");
        world.Digest.Add(DigestTag.Process, (ulong)Replica.Number, (ulong)stop.Reason + 100);
        switch (stop.Reason)
        {
            case PumpStopReason.Broken:
                world.Violations.Report("Invariant", $"{this} broke: {stop.Detail}");
                break;
            case PumpStopReason.Requested:
                // A store that is closed in good order keeps what was applied.
                store.Close();
                break;
            case PumpStopReason.Fenced:
                world.RareEvents.Hit(RareEvent.ZombieFenced);
                break;
            case PumpStopReason.StoreFull:
                world.RareEvents.Hit(RareEvent.StoppedByFullDisk);
                break;
            case PumpStopReason.StoreFailed:
                world.RareEvents.Hit(RareEvent.StoppedByFailedFlush);
                break;
        }

        End();
    }

    private void End()
    {
        Kill();
        world.Ended(this);
    }
}

/// <summary>Ends the ticks of a pump.</summary>
internal sealed class TickRegistration(ReplicaProcess process) : IDisposable
{
    public void Dispose() => process.Unregister();
}

/// <summary>What the checks saw of an activation when they looked last.</summary>
internal sealed class ReplicaSighting
{
    public RaftRole Role { get; set; }

    public Term Term { get; set; }

    public LogIndex Commit { get; set; }

    /// <summary>Up to here its entries were compared with what is committed.</summary>
    public ulong ComparedTo { get; set; }

    public bool WasSeen { get; set; }

    /// <summary>Up to where each follower's log was known, and in which term and configuration.</summary>
    public SortedDictionary<ReplicaId, LogIndex> Matches { get; } = [];

    public (Term Term, LogIndex Configuration) MatchesIn { get; set; }
}
