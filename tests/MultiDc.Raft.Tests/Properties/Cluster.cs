namespace MultiDc.Raft.Tests;

/// <summary>What of one simulated replica survives a crash: exactly what a store would hold.</summary>
internal sealed class Disk(GroupConfiguration founding)
{
    public HardState HardState { get; set; }

    public SnapshotMetadata Snapshot { get; set; } = new(EntryId.Zero, founding);

    public List<LogEntry> Entries { get; } = [];

    /// <summary>The state machine: the ids of all entries it has applied, which is what two replicas may never disagree on.</summary>
    public List<EntryId> State { get; set; } = [];

    public RaftRecovery Recover() => new(HardState, Snapshot, [.. Entries], new LogIndex((ulong)State.Count));

    public void Write(Ready ready, IReadOnlyDictionary<EntryId, List<EntryId>> staged)
    {
        HardState = ready.HardState ?? HardState;
        if (ready.SnapshotToInstall is { } snapshot)
        {
            Snapshot = snapshot;
            Entries.Clear();
            State = [.. staged[snapshot.LastIncluded]];
        }

        if (ready.EntriesToPersist is [var first, ..])
        {
            Entries.RemoveAll(entry => entry.Index >= first.Index);
            Assert.Equal((Entries.Count > 0 ? Entries[^1].Index : Snapshot.LastIncluded.Index).Next(), first.Index);
            Entries.AddRange(ready.EntriesToPersist);
        }
    }

    public void CompactTo(SnapshotMetadata snapshot)
    {
        Snapshot = snapshot;
        Entries.RemoveAll(entry => entry.Index <= snapshot.LastIncluded.Index);
    }
}

/// <summary>
/// A whole group of cores over a network and disks that a seed makes unreliable. Every step is followed by the checks of
/// <see cref="SafetyOracle"/>. A run that fails reproduces from its seed alone.
/// </summary>
internal sealed class Cluster
{
    private const int ElectionTimeoutTicks = 10;

    private readonly SeededRandomSource random;
    private readonly GroupConfiguration configuration;
    private readonly List<Replica> replicas = [];
    private readonly List<RaftMessage> network = [];
    private readonly List<(ReplicaId From, ReplicaId To, Term Term)> snapshotStreams = [];
    private readonly SafetyOracle oracle = new();
    private HashSet<ReplicaId> cutOff = [];
    private ulong nextRead = 1;
    private byte nextPayload;
    private readonly Faults faults;
    private bool faulty = true;

    public Cluster(ulong seed, int size, ProbeCounter? probes = null)
    {
        random = new SeededRandomSource(seed);
        faults = new Faults(LossOneIn: 1 << random.Next(2, 7), PartitionOneIn: 1 << random.Next(1, 6), CrashOneIn: 1 << random.Next(5, 10));
        configuration = new GroupConfiguration(Enumerable.Range(1, size).Select(id => new ReplicaId((ulong)id)));
        foreach (var id in configuration.Voters)
        {
            var replica = new Replica(id, new Disk(configuration), (ulong)random.Next(0, int.MaxValue), probes, quiesceAfterTicks: (int)(seed % 3));
            replica.Start();
            replicas.Add(replica);
        }
    }

    /// <summary>A digest of all that every core has said, in order.</summary>
    public ulong Digest { get; private set; } = 14695981039346656037;

    public int Committed => oracle.Committed;

    public int ReadsServed { get; private set; }

    public int SnapshotsInstalled { get; private set; }

    public int Elections => oracle.Leaders;

    /// <summary>Safety phase: anything may go wrong.</summary>
    public void RunWithFaults(int steps)
    {
        for (var i = 0; i < steps; i++)
        {
            StepOnce();
        }
    }

    /// <summary>Liveness phase: faults stop; within a bounded time there is one leader that commits, and all converge.</summary>
    public void Heal()
    {
        faulty = false;
        cutOff = [];
        foreach (var replica in replicas.Where(replica => replica.Node is null))
        {
            replica.Start();
        }

        EntryId? last = null;
        for (var round = 0; round < 40 * ElectionTimeoutTicks; round++)
        {
            TickAllAndDeliverAll();
            var leader = replicas.Where(replica => replica.Live.Role == RaftRole.Leader).MaxBy(replica => replica.Live.Term);
            if (last is null && leader is not null && round > 5 * ElectionTimeoutTicks)
            {
                var proposal = leader.Live.Propose(new byte[] { 0xFF });
                last = proposal.Accepted ? proposal.Id : null;
            }

            if (last is { } id && replicas.All(replica => replica.Disk.State.Contains(id)))
            {
                Assert.All(replicas, replica => Assert.Equal(leader!.Disk.State, replica.Disk.State));
                Assert.All(replicas, replica => Assert.Equal((leader!.Id, leader.Live.Term), (replica.Live.Leader, replica.Live.Term)));
                return;
            }
        }

        Assert.Fail("the group did not converge after the faults stopped:\n" + string.Join('\n', replicas.Select(replica => replica.Live.Describe())));
    }

    private void TickAllAndDeliverAll()
    {
        foreach (var replica in replicas)
        {
            replica.Live.Tick();
            CarryOutAll(replica);
        }

        while (network.Count > 0 || snapshotStreams.Count > 0)
        {
            while (network.Count > 0)
            {
                Deliver(0, keep: false);
            }

            while (snapshotStreams.Count > 0)
            {
                StreamSnapshot(0);
            }
        }
    }

    private void CarryOutAll(Replica replica)
    {
        while (CarryOutReady(replica))
        {
        }
    }

    private void StepOnce()
    {
        var replica = replicas[random.Next(0, replicas.Count)];
        switch (random.Next(0, 100))
        {
            case < 45 when network.Count > 0:
                DeliverAny();
                break;
            case < 62:
                replica.Node?.Tick();
                break;
            case < 72:
                Propose(replica);
                break;
            case < 77:
                Read(replica);
                break;
            case < 92:
                CarryOutReady(replica);
                break;
            case < 94 when replica.Node is null:
                replica.Start();
                break;
            case < 95 when snapshotStreams.Count > 0:
                StreamSnapshot(random.Next(0, snapshotStreams.Count));
                break;
            default:
                Disturb(replica);
                break;
        }

        if (replica.Node is { } node)
        {
            node.Check();
            oracle.Observe(node, replica.Disk);
        }
    }

    private void DeliverAny()
    {
        var at = random.Next(0, network.Count);
        if (OneIn(faults.LossOneIn))
        {
            network.RemoveAt(at);
        }
        else
        {
            Deliver(at, keep: OneIn(12));
        }
    }

    private void Disturb(Replica replica)
    {
        switch (random.Next(0, 5))
        {
            case 0 when OneIn(faults.PartitionOneIn):
                var side = random.Next(0, replicas.Count);
                cutOff = [.. Enumerable.Range(0, side).Select(_ => replicas[random.Next(0, replicas.Count)].Id)];
                break;
            case 1 when OneIn(2):
                replica.Compact();
                break;
            case 2 when OneIn(4):
                replica.Node?.TransferLeadership(replicas[random.Next(0, replicas.Count)].Id);
                break;
            case 3:
                replica.Node?.ReportUnreachable(replicas[random.Next(0, replicas.Count)].Id);
                break;
        }
    }

    private bool OneIn(int count) => random.Next(0, count) == 0;

    private void Propose(Replica replica)
    {
        var payload = new byte[random.Next(1, 60)];
        payload[0] = nextPayload++;
        replica.Node?.Propose(payload);
    }

    private void Read(Replica replica)
    {
        var id = new ReadRequestId(nextRead++);
        if (replica.Node?.ReadIndex(id) == ProposalRefusal.None)
        {
            oracle.ReadBegan(id);
        }
    }

    private void Deliver(int at, bool keep)
    {
        var message = network[at];
        if (!keep)
        {
            // Any order comes of taking a random one; in the liveness phase of taking the first.
            network.RemoveAt(at);
        }

        if (cutOff.Contains(message.From) != cutOff.Contains(message.To) || Of(message.To).Node is not { } node)
        {
            return;
        }

        node.Step(message);
        node.Check();
        oracle.Observe(node, Of(message.To).Disk);
        if (!faulty)
        {
            CarryOutAll(Of(message.To));
        }
    }

    /// <summary>Between any two acts of the host a crash may come, and other inputs.</summary>
    private bool CarryOutReady(Replica replica)
    {
        if (replica.Node is not { } node || !node.TryGetReady(out var ready))
        {
            return false;
        }

        Log(replica.Id, ready);
        if (CrashesHere(replica))
        {
            return true;
        }

        // A snapshot was staged beside the state before the core was told of it.
        replica.Disk.Write(ready, replica.Staged);
        oracle.Written(replica.Disk, ready.EntriesToPersist);
        SnapshotsInstalled += ready.SnapshotToInstall is null ? 0 : 1;
        network.AddRange(ready.MessagesAfterPersist);
        snapshotStreams.AddRange(ready.SnapshotsToSend.Select(to => (replica.Id, to, node.Term)));
        if (faulty && OneIn(4))
        {
            // The host was slow to write; more came in meanwhile.
            node.Tick();
            Propose(replica);
            Read(replica);
            if (network.Find(message => message.To == replica.Id) is { } early)
            {
                node.Step(early);
            }

            if (snapshotStreams.FindIndex(stream => stream.To == replica.Id) is >= 0 and var stream)
            {
                StreamSnapshot(stream);
            }
        }

        if (CrashesHere(replica))
        {
            return true;
        }

        foreach (var entry in ready.EntriesToApply)
        {
            Assert.Equal((ulong)replica.Disk.State.Count + 1, entry.Index.Value);
            replica.Disk.State.Add(entry.Id);
            oracle.Applied(replica.Id, entry);
        }

        foreach (var read in ready.ReadStates)
        {
            oracle.ReadMayBeServed(read);
            ReadsServed++;
        }

        node.Advance();
        node.Check();
        oracle.Observe(node, replica.Disk);
        return true;
    }

    private bool CrashesHere(Replica replica)
    {
        if (!faulty || !OneIn(faults.CrashOneIn))
        {
            return false;
        }

        replica.Stop();
        return true;
    }

    private void StreamSnapshot(int at)
    {
        var (from, to, term) = snapshotStreams[at];
        snapshotStreams.RemoveAt(at);
        if (Of(from).Node is not { } sender)
        {
            return;
        }

        var lost = faulty && OneIn(3);
        if (!lost && Of(to).Node is { } receiver && cutOff.Contains(from) == cutOff.Contains(to))
        {
            var state = Of(from).Disk.State;
            var snapshot = sender.SnapshotAt(sender.Applied);
            var request = new SnapshotRequest(from, to, term, snapshot);
            Of(to).Staged[snapshot.LastIncluded] = [.. state.Take((int)snapshot.LastIncluded.Index.Value)];

            receiver.Step(request);
            receiver.Check();
        }

        sender.ReportSnapshot(to, !lost);
    }

    private Replica Of(ReplicaId id) => replicas[(int)id.Value - 1];

    private void Log(ReplicaId id, Ready ready)
    {
        Mix(id.ToString());
        Mix($"{ready.HardState} {ready.SnapshotToInstall?.LastIncluded}");
        Mix(string.Join(',', ready.EntriesToPersist.Select(entry => entry.Id)) + '|' + string.Join(',', ready.EntriesToApply.Select(entry => entry.Id)));
        Mix(string.Join(',', ready.ReadStates) + string.Join(',', ready.ReadsLost) + string.Join(',', ready.SnapshotsToSend));
        foreach (var message in ready.MessagesAfterPersist)
        {
            foreach (var value in CodecTests.Encode(message, MessageCodec.Encode))
            {
                Digest = (Digest ^ value) * 1099511628211;
            }
        }
    }

    private void Mix(string text)
    {
        foreach (var character in text)
        {
            Digest = (Digest ^ character) * 1099511628211;
        }
    }

    /// <summary>Drawn once per run: a group that is always disturbed never gets far enough for the rarer trouble.</summary>
    private sealed record Faults(int LossOneIn, int PartitionOneIn, int CrashOneIn);

    private sealed class Replica(ReplicaId id, Disk disk, ulong seed, ProbeCounter? probes, int quiesceAfterTicks)
    {
        private ulong starts;

        public ReplicaId Id => id;

        public Disk Disk => disk;

        public RaftNode? Node { get; private set; }

        public RaftNode Live => Node!;

        /// <summary>The states that came with snapshot requests; lost in a crash before they are installed.</summary>
        public Dictionary<EntryId, List<EntryId>> Staged { get; } = [];

        public void Start()
        {
            var options = new RaftNodeOptions
            {
                Id = id,
                ElectionTimeoutTicks = ElectionTimeoutTicks,
                HeartbeatTicks = 2,
                MaxAppendBytes = 150,
                MaxInflightAppends = 3,
                MaxInflightBytes = 220,
                MaxUncommittedBytes = 2000,
                MaxPendingReads = 5,
                MaxApplyBytes = 200,
                Probes = probes,
                QuiesceAfterTicks = quiesceAfterTicks,
            };
            Node = new RaftNode(options, disk.Recover(), new SeededRandomSource(seed + starts++));
            Node.Check();
        }

        public void Stop()
        {
            Node = null;
            Staged.Clear();
        }

        public void Compact()
        {
            if (Node is { } node && node.Applied > node.CompactedTo.Index)
            {
                disk.CompactTo(node.SnapshotAt(node.Applied));
                node.CompactTo(node.Applied);
                node.Check();
            }
        }
    }
}
