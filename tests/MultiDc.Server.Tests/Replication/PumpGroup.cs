using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Ring;
using MultiDc.Server.Replication;
using MultiDc.Server.StateMachine;
using MultiDc.Server.Watching;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Replication;

/// <summary>The pumps of one Raft group in one thread: each over its own memory disk, ticked by hand, on a network with rules.</summary>
internal sealed class PumpGroup : IDisposable
{
    private readonly RaftNodeOptions nodeOptions;
    private readonly ReplicaPumpOptions options;
    private readonly GroupMembers members;
    private readonly ReplicaMetrics metrics;
    private readonly Func<IReadOnlyList<DatacenterTag>>? preferredLeaders;
    private readonly ulong seed;
    private readonly ITickSource? ticks;
    private readonly bool canBeReadAnywhere;
    private readonly ChangeHistoryOptions? history;

    private readonly GroupConfiguration founders;

    // Replicas beyond the founders know no configuration yet; the last of the founders may be witnesses.
    public PumpGroup(
        int size = 3, ulong seed = 1, ReplicaPumpOptions? options = null, RaftNodeOptions? nodeOptions = null, int? founders = null, ITickSource? ticks = null,
        int witnesses = 0, bool canBeReadAnywhere = true, ChangeHistoryOptions? history = null, Func<IReadOnlyList<DatacenterTag>>? preferredLeaders = null, ReplicaMetrics? metrics = null,
        IReadOnlyList<ReplicaPlace>? places = null)
    {
        this.history = history;
        this.preferredLeaders = preferredLeaders;
        this.metrics = metrics ?? new(null);
        this.seed = seed;
        this.ticks = ticks;
        this.canBeReadAnywhere = canBeReadAnywhere;
        this.options = options ?? new();
        this.nodeOptions = nodeOptions ?? new() { Id = default, ElectionTimeoutTicks = 10, HeartbeatTicks = 2 };
        ReplicaPlace[] all = [.. places ?? "abcde"[..size].Select(static c => new ReplicaPlace(new(c.ToString())))];
        members = new(all, []);
        var first = all[..(founders ?? all.Length)];
        this.founders = new GroupMembers(first, first.TakeLast(witnesses).Select(static place => place.Datacenter)).Configuration;
        Replicas = [.. all.Select((place, i) => new Replica(ReplicaAddress.Of(new("kv", 0), place), new(new("test", new Guid(i + 1, 0, 0, new byte[8])))))];
        Network = new(members, place => this[place].Pump);
        foreach (var replica in Replicas)
        {
            Start(replica);
        }
    }

    public IReadOnlyList<Replica> Replicas { get; }

    public ReplicaMetrics Metrics => metrics;

    public PumpNetwork Network { get; }

    public Replica this[ReplicaPlace place] => Replicas.First(r => r.Address.Place == place);

    /// <summary>The replica that leads in the greatest term.</summary>
    public Replica Leader => Replicas.Where(static r => r.Pump?.Status.Role == RaftRole.Leader).MaxBy(static r => r.Pump!.Status.Term.Value)!;

    public Replica[] Followers => [.. Replicas.Where(r => r != Leader)];

    /// <summary>Opens the replica on its disk and starts a pump over it.</summary>
    public void Start(Replica replica)
    {
        replica.Store = new(replica.Disk) { CanBeReadAnywhere = canBeReadAnywhere };
        var isFounder = founders.Contains(replica.Id);
        replica.Storage = Take(replica.Store.OpenAsync(replica.Name, new(isFounder ? founders : GroupConfiguration.None)))!;
        StartPump(replica, replica.Storage);
    }

    /// <summary>Starts a pump over an opening.</summary>
    public void StartPump(Replica replica, IReplicaStorage storage)
    {
        replica.Pump = new(
            new(replica.Address, replica.Disk.Identity.StoreId, storage.Epoch),
            members,
            HashRange.Full,
            nodeOptions with { Id = replica.Id },
            options,
            storage,
            Network,
            new SeededRandomSource((seed * 1000) + (storage.Epoch.Value * 10) + replica.Address.Datacenter.Value[0] + (ulong)(replica.Address.Ordinal - 1)),
            replica.Time,
            metrics,
            NullLogger<ReplicaPump>.Instance)
        {
            PreferredLeaders = preferredLeaders,
            AskAboutLeases = (place, _) => this[place].Pump is { } asked && !Network.CutOff.Contains(place.Datacenter) && !Network.CutOff.Contains(replica.Address.Datacenter)
                ? asked.GetRemainingLeasesAsync()
                : Task.FromException<System.Collections.Immutable.ImmutableArray<RemainingLease>>(new TimeoutException()),
            History = new(history, metrics: metrics),
        };
        replica.Pump.Start(replica.Scheduler, ticks);
    }

    /// <summary>The power of a replica goes, with some of the unacknowledged writes already on its disk.</summary>
    public static void Crash(Replica replica, int survivingWrites = 0)
    {
        replica.Disk.Crash(survivingWrites);
        Stop(replica);
    }

    /// <summary>Ends a pump and waits for its end.</summary>
    public static PumpStop Stop(Replica replica)
    {
        var pump = replica.Pump!;
        replica.Pump = null;
        var disposed = pump.DisposeAsync().AsTask();
        replica.Scheduler.RunUntil(() => disposed.IsCompleted);
        return pump.Completion.Result;
    }

    /// <summary>Waits for the end of a pump that ends by itself.</summary>
    public static PumpStop StopOf(Replica replica)
    {
        var pump = replica.Pump!;
        replica.Scheduler.RunUntil(() => pump.Completion.IsCompleted);
        replica.Pump = null;
        return pump.Completion.Result;
    }

    /// <summary>Runs pumps and network until nothing moves.</summary>
    public void Run()
    {
        for (var rounds = 0; ; rounds++)
        {
            Assert.True(rounds < 5_000, "the group does not come to rest");
            foreach (var replica in Replicas)
            {
                replica.Scheduler.RunUntilIdle();
            }

            if (!Network.Deliver() && Replicas.All(static r => r.Scheduler.IsIdle))
            {
                return;
            }
        }
    }

    public void Tick(int times, params IEnumerable<Replica> replicas)
    {
        Replica[] some = [.. replicas];
        for (var i = 0; i < times; i++)
        {
            foreach (var replica in some.Length > 0 ? some : Replicas)
            {
                replica.Pump?.Tick();
            }

            Run();
        }
    }

    /// <summary>Ticks everybody until there is a leader that has committed in its term and that all who can be reached follow.</summary>
    public Replica ElectLeader()
    {
        for (var i = 0; i < 400; i++)
        {
            Tick(1);
            if (Leader is { Pump.Status: var status } leader && !Network.CutOff.Contains(leader.Address.Datacenter) && status.Commit == status.Last
                && Replicas.All(r => r.Pump is null || Network.CutOff.Contains(r.Address.Datacenter)
                    || !status.Configuration.Contains(r.Id) || r.Pump.Status.Leader == leader.Address.Datacenter))
            {
                return leader;
            }
        }

        throw new InvalidOperationException("no leader was elected");
    }

    /// <summary>As above, while the others stand still.</summary>
    public Replica ElectLeaderAmong(IEnumerable<Replica> some)
    {
        Replica[] awake = [.. some];
        for (var i = 0; i < 400; i++)
        {
            Tick(1, awake);
            if (awake.FirstOrDefault(static r => r.Pump?.Status is { Role: RaftRole.Leader } status && status.Commit == status.Last) is { } leader)
            {
                return leader;
            }
        }

        throw new InvalidOperationException("no leader was elected");
    }

    public SessionId OpenSession(Replica at) => Settled(Propose(at, OpenSessionCommand.Instance)).Session!.Value;

    public WriteResult Put(Replica at, SessionId session, ulong sequence, string key, string value) =>
        Settled(Propose(at, Writes.Put(session, sequence, key, value))).Result;

    public static Task<ApplyResult> Propose(Replica at, KeyValueCommand command) => at.Pump!.ProposeAsync(KeyValueCommandCodec.Encode(command));

    /// <summary>A read that is under way: the value, null when absent, "!reason" when refused.</summary>
    public static Task<string?> Read(Replica at, string key) => at.Pump!.ReadAsync<string?>(
        async state => await KeyValueReader.GetAsync(state, Writes.Bytes(key)) is { } entry ? Writes.Text(entry.Value) : null,
        static rejected => $"!{rejected.Reason}");

    public string? ReadNow(Replica at, string key) => Settled(Read(at, key));

    /// <summary>Runs the group until it rests; the task must then be complete.</summary>
    public T Settled<T>(Task<T> task)
    {
        Run();
        return Done(task);
    }

    /// <summary>Runs the group until a task is complete that also runs on other threads.</summary>
    public T SettledElsewhere<T>(Task<T> task)
    {
        var waited = System.Diagnostics.Stopwatch.StartNew();
        while (!task.IsCompleted)
        {
            Run();
            Assert.True(waited.Elapsed < TimeSpan.FromSeconds(60), "no answer came");
            Thread.Sleep(task.IsCompleted ? 0 : 1);
        }

        return task.Result;
    }

    /// <summary>The result of a task that must be complete: waiting for it would wait for ever.</summary>
    public static T Done<T>(Task<T> task)
    {
        Assert.True(task.IsCompleted, "no answer came");
        return task.Result;
    }

    /// <summary>Takes a task that completes at once, as all do on a memory disk that holds no flush.</summary>
    public static T Take<T>(ValueTask<T> task)
    {
        Assert.True(task.IsCompleted);
        return task.AsTask().Result;
    }

    public void Dispose()
    {
        foreach (var replica in Replicas.Where(static r => r.Pump is not null))
        {
            Stop(replica);
        }

        metrics.Dispose();
    }
}

/// <summary>One replica of a <see cref="PumpGroup"/>; the disk stays over crashes.</summary>
internal sealed class Replica(ReplicaAddress address, MemoryDisk disk)
{
    public ReplicaAddress Address => address;

    public ReplicaName Name => new(address.ToString());

    public MemoryDisk Disk => disk;

    public TurnScheduler Scheduler { get; } = new();

    public FakeTimeProvider Time { get; } = new();

    public MemoryReplicaStore Store { get; set; } = null!;

    public IReplicaStorage Storage { get; set; } = null!;

    /// <summary>Null while it is down.</summary>
    public ReplicaPump? Pump { get; set; }

    public ReplicaId Id => GroupMembers.IdOf(address.Place);

    public override string ToString() => address.Place.ToString();
}

/// <summary>Commands from text.</summary>
internal static class Writes
{
    public static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    public static string Text(ReadOnlyMemory<byte> bytes) => System.Text.Encoding.UTF8.GetString(bytes.Span);

    public static WriteCommand Put(SessionId session, ulong sequence, string key, string value) =>
        new(session, new(sequence), new PutOperation(Bytes(key), Bytes(value)));

    public static WriteCommand CompareAndSet(SessionId session, ulong sequence, string key, string? expected, string value) =>
        new(session, new(sequence), new CompareAndSetOperation(Bytes(key), expected is null ? (ReadOnlyMemory<byte>?)null : Bytes(expected), Bytes(value)));
}
