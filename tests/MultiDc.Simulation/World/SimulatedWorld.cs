using System.Diagnostics.CodeAnalysis;
using MultiDc.Linearizability;
using MultiDc.Server.Replication;
using MultiDc.Storage;

namespace MultiDc.Simulation;

/// <summary>Everything of one run: time, chance, machines, the network between them, clients, faults and the checks that watch. One thread.</summary>
internal sealed class SimulatedWorld : IDisposable
{
    private readonly Dictionary<ReplicaId, SimulatedReplica> byId = [];
    private readonly Dictionary<DatacenterId, SimulatedReplica> byName = [];
    private readonly RunRandom restarts;
    private ulong activations;
    private ulong disks;

    public SimulatedWorld(RunPlan plan, TextWriter? conversation)
    {
        Plan = plan;
        Random = new RunRandom(plan.Seed).Branch(2);
        restarts = Random.Branch(1);
        Digest = new(Events);
        Conversation = new(Events, conversation);
        Logger = new(Conversation);
        Checks = new(this);
        int[] datacenters = [.. plan.Shape.Datacenters, .. plan.Shape.Spares];
        Replicas = [.. datacenters.Select((datacenter, number) => NewReplica(number, NameOf(datacenters, number), datacenter))];
        foreach (var replica in Replicas)
        {
            byId.Add(replica.Id, replica);
            byName.Add(replica.Address.Datacenter, replica);
        }

        Members = new(Replicas.Select(static r => r.Address.Datacenter));
        Found();

        Endpoints = [.. Enumerable.Range(0, Replicas.Count + plan.Shape.DatacenterCount)];
        Network = new(
            Events, Random.Branch(2), Digest, Conversation, RareEvents,
            [.. Replicas.Select(static r => r.Name), .. Enumerable.Range(1, plan.Shape.DatacenterCount).Select(static d => $"clients-{d}")],
            (from, to) => DatacenterOf(from) == DatacenterOf(to) ? plan.Within : plan.Between)
        {
            LateOneIn = plan.LateParcelOneIn,
        };
        Faults = new(this, Random.Branch(3));
        Operator = new(this, Random.Branch(4));
        Workloads = [.. Enumerable.Range(0, plan.Workload.ClientCount).Select(i => new ClientWorkload(this, i, Random.Branch(100 + (ulong)i)))];
        Clients = [.. Workloads.Select((workload, i) => NewClient(workload, i))];
    }

    public RunPlan Plan { get; }

    public RunRandom Random { get; }

    public EventQueue Events { get; } = new();

    public RunDigest Digest { get; }

    public Conversation Conversation { get; }

    public ConversationLogger Logger { get; }

    public ReplicaMetrics Metrics { get; } = new(null);

    public RareEvents RareEvents { get; } = new();

    public Violations Violations { get; } = new();

    public SafetyChecks Checks { get; }

    public SimulatedNetwork Network { get; }

    public FaultInjector Faults { get; }

    public MembershipOperator Operator { get; }

    public RaftProbes Probes { get; } = new();

    public IReadOnlyList<SimulatedReplica> Replicas { get; }

    /// <summary>The replicas that clients know of.</summary>
    public IReadOnlyList<DatacenterId> ReplicaNames => [.. Replicas.Where(static r => r.IsWanted).Select(static r => r.Address.Datacenter)];

    /// <summary>Every replica that ever may be a member, for hints and logs.</summary>
    public GroupMembers Members { get; }

    public IReadOnlyList<SimulatedClient> Clients { get; }

    public IReadOnlyList<ClientWorkload> Workloads { get; }

    public List<Operation> History { get; } = [];

    public Acknowledgements Acknowledgements { get; } = new();

    /// <summary>The network's endpoints: the replicas, then the clients of each datacenter.</summary>
    public IReadOnlyList<int> Endpoints { get; }

    /// <summary>Whether clients begin further operations.</summary>
    public bool ClientsMayBegin { get; set; } = true;

    /// <summary>Operations that ended with an answer.</summary>
    public int Answered { get; private set; }

    /// <summary>Whether a machine whose process is down says so, or is silent.</summary>
    public bool ConnectionsAreRefused => restarts.OneIn(2);

    public IEnumerable<ReplicaProcess> Processes => Replicas.SelectMany(static r => r.Processes);

    /// <summary>Who believes that it leads, in the greatest term.</summary>
    public ReplicaProcess? Leader
    {
        get
        {
            ReplicaProcess? leader = null;
            foreach (var replica in Replicas)
            {
                if (replica.Process is { Pump.Node: { Role: RaftRole.Leader } node } && (leader is null || node.Term > leader.Pump!.Node.Term))
                {
                    leader = replica.Process;
                }
            }

            return leader;
        }
    }

    public int DatacenterOf(int endpoint) => endpoint < Replicas.Count ? Replicas[endpoint].Datacenter : endpoint - Replicas.Count;

    public bool TryGetReplica(ReplicaId id, [NotNullWhen(true)] out SimulatedReplica? replica) => byId.TryGetValue(id, out replica);

    public SimulatedReplica ReplicaWith(ReplicaId id) => byId[id];

    public SimulatedReplica ReplicaNamed(DatacenterId name) => byName[name];

    public SimulatedDisk NewDisk(int replica)
    {
        var random = Random.Branch(10_000 + (++disks));
        return new(new("simulation", new Guid((int)disks, (short)replica, 0, new byte[8])), new(Events, random, Plan.Disk), Checks) { CanBeReadAnywhere = Plan.StoresCanBeReadAnywhere };
    }

    public void StartIfDown(SimulatedReplica replica)
    {
        if (replica.Process is null && replica.DownHolds == 0 && replica.IsWanted)
        {
            Start(replica);
        }
    }

    /// <summary>Activates a replica once more, while it runs: the former activation becomes a zombie.</summary>
    public void StartSecond(SimulatedReplica replica)
    {
        replica.Zombies.Add(replica.Process!);
        RareEvents.HitIf(replica.Process!.Sighting.Role == RaftRole.Leader, RareEvent.ZombieLed);
        Start(replica);
    }

    /// <summary>A process has ended by itself; its machine starts it again after a while unless its replica has gone for good.</summary>
    public void Ended(ReplicaProcess process)
    {
        var replica = process.Replica;
        replica.Zombies.Remove(process);
        if (replica.Process == process)
        {
            replica.Process = null;
            if (!replica.IsLost)
            {
                Events.After(restarts.BetweenMilliseconds(50, 5_000), () => StartIfDown(replica));
            }
        }
    }

    public void OperationEnded(OperationResult result) => Answered += result == OperationResult.Ok ? 1 : 0;

    /// <summary>How long a client pauses: as long as lets all of them do what the plan wants in the time that is left.</summary>
    public TimeSpan NextPause(RunRandom random)
    {
        var sinceLull = Plan.Workload.LullEvery > TimeSpan.Zero ? new TimeSpan(Events.Now.Ticks % Plan.Workload.LullEvery.Ticks) : TimeSpan.MaxValue;
        if (sinceLull < Plan.Workload.Lull && !Network.IsCalm)
        {
            return Plan.Workload.Lull - sinceLull + random.BetweenMilliseconds(0, 2_000);
        }

        if (Plan.Workload.BurstOneIn > 0 && random.OneIn(Plan.Workload.BurstOneIn))
        {
            return TimeSpan.Zero;
        }

        var left = Math.Max(1, Plan.Workload.Operations - Answered);
        var time = Plan.SafetyPhase - Events.Now;
        var mean = time > TimeSpan.Zero ? time * Clients.Count * (Plan.Workload.LullEvery > TimeSpan.Zero ? 0.5 : 0.85) / left : TimeSpan.FromMilliseconds(200);
        return random.Around(mean);
    }

    public void Dispose() => Metrics.Dispose();

    private static string NameOf(int[] datacenters, int number)
    {
        var before = datacenters.Take(number).Count(d => d == datacenters[number]);
        return $"dc{datacenters[number] + 1}-{(char)('a' + before)}";
    }

    private SimulatedReplica NewReplica(int number, string name, int datacenter)
    {
        var disk = NewDisk(number);
        return new(number, name, datacenter)
        {
            Disk = disk,
            HomeStore = disk.Identity.StoreId,
            Clock = new(Events, DriftOf(number)),
        };
    }

    // With the clocks at the ends of what is stated, whatever does not allow for it shows.
    private int DriftOf(int replica)
    {
        var random = Random.Branch(20_000 + (ulong)replica);
        var drift = random.Next(-Plan.MaxDriftPpm, Plan.MaxDriftPpm + 1);
        return Random.Branch(5).OneIn(3) ? (drift < 0 ? -Plan.MaxDriftPpm : Plan.MaxDriftPpm) : drift;
    }

    private void Found()
    {
        var founders = Replicas.Take(Plan.Shape.Datacenters.Count).ToArray();
        var founding = new ReplicaFounding(Plan.Shape.Configuration(founders));
        foreach (var founder in founders)
        {
            founder.Founding = founding;
            founder.IsWanted = true;
            founder.IsWitness = founding.Configuration.IsWitness(founder.Id);
            Events.After(restarts.BetweenMilliseconds(0, 2_000), () => StartIfDown(founder));
        }
    }

    private void Start(SimulatedReplica replica)
    {
        replica.Process = new(this, replica, ++activations);
        replica.Process.Start();
    }

    private SimulatedClient NewClient(ClientWorkload workload, int number)
    {
        var datacenter = number % Plan.Shape.DatacenterCount;
        var nearest = Replicas.FirstOrDefault(r => r.Datacenter == datacenter) ?? Replicas[0];
        var random = Random.Branch(200 + (ulong)number);
        return new(this, number, Replicas.Count + datacenter, nearest.Address.Datacenter, random.OneIn(Plan.Workload.PatientOneIn), workload, random);
    }
}
