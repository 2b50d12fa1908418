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
internal sealed partial class Cluster
{
    private const int ElectionTimeoutTicks = 10;

    private readonly SeededRandomSource random;
    private readonly Cast cast;
    private readonly List<Replica> replicas = [];
    private readonly List<RaftMessage> network = [];
    private readonly List<(SnapshotRequest Request, List<EntryId> State)> snapshotStreams = [];
    private readonly SafetyOracle oracle;
    private HashSet<ReplicaId> cutOff = [];
    private ulong nextRead = 1;
    private byte nextPayload;
    private readonly Faults faults;
    private bool faulty = true;

    public Cluster(ulong seed, Cast cast, ProbeCounter? probes = null)
    {
        this.cast = cast;
        oracle = new SafetyOracle(cast.Founding);
        random = new SeededRandomSource(seed);
        faults = new Faults(LossOneIn: 1 << random.Next(2, 7), PartitionOneIn: 1 << random.Next(1, 6), CrashOneIn: 1 << random.Next(5, 10));
        foreach (var id in cast.Everybody)
        {
            var disk = new Disk(cast.Founding.Contains(id) ? cast.Founding : GroupConfiguration.None);
            var replica = new Replica(id, disk, (ulong)random.Next(0, int.MaxValue), probes, quiesceAfterTicks: (int)(seed % 3), tellCommitAtOnce: seed % 5 < 3, appendWhilePersisting: seed % 7 < 4);
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

        Converge();
    }

    /// <summary>Within a bounded time one of those that are up leads, and all members have applied what it proposes.</summary>
    private void Converge()
    {
        var up = replicas.Where(replica => replica.Node is not null).ToList();
        (Replica Leader, EntryId Id)? last = null;
        for (var round = 0; round < 40 * ElectionTimeoutTicks; round++)
        {
            TickAllAndDeliverAll();
            if (CurrentLeader() is not { } leader || round < 5 * ElectionTimeoutTicks)
            {
                continue;
            }

            if (leader.Live.Configuration.IsJoint)
            {
                leader.Live.ProposeLeaveJoint();
                last = null;
            }
            else if (last?.Leader != leader)
            {
                var proposal = leader.Live.Propose(new byte[] { 0xFF });
                last = proposal.Accepted ? (leader, proposal.Id) : null;
            }

            if (!MayCommit(leader.Live.Configuration))
            {
                return;
            }

            var members = up.Where(replica => leader.Live.Configuration.Contains(replica.Id)).ToList();
            if (last is { } proposed && members.All(replica => replica.Disk.State.Contains(proposed.Id)))
            {
                Assert.All(members, replica => Assert.Equal(leader.Disk.State, replica.Disk.State));
                Assert.All(members, replica => Assert.Equal((leader.Id, leader.Live.Term), (replica.Live.Leader, replica.Live.Term)));
                return;
            }
        }

        Fail("the group did not converge after the faults stopped");
    }

    /// <summary>A lost datacenter may be one that commits need.</summary>
    private bool MayCommit(GroupConfiguration configuration) => new[] { configuration.Voters, configuration.OutgoingVoters }.All(half =>
    {
        var full = half.Where(id => !cast.IsWitness(id)).ToList();
        var places = full.Select(Cast.DatacenterOf).Distinct().Count();
        return full.Where(id => Of(id).Node is not null).Select(Cast.DatacenterOf).Distinct().Count() >= Math.Min(places, configuration.MinCommitDatacenters);
    });

    private Replica? CurrentLeader() => replicas.Where(replica => replica.Node is { Role: RaftRole.Leader }).MaxBy(replica => replica.Live.Term);

    private void Fail(string why) =>
        Assert.Fail(why + ":\n" + string.Join('\n', replicas.Select(replica => replica.Node is { } node ? $"{node.Describe()} {node.Configuration}" : $"{replica.Id} is down")));

    private void TickAllAndDeliverAll()
    {
        foreach (var replica in replicas.Where(replica => replica.Node is not null))
        {
            Tick(replica);
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
                Tick(replica);
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
        if (cast.ChangesMembership && OneIn(2))
        {
            ChangeMembership(replica);
            return;
        }

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
            case 4 when OneIn(4):
                Forget(replica);
                break;
            case 4 when OneIn(4):
                LeaveOut(replica, replicas[random.Next(0, replicas.Count)].Id);
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

        Step(Of(message.To), message);
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

        if (ready.MessagesWhilePersisting.Count > 0)
        {
            network.AddRange(ready.MessagesWhilePersisting);
            ToldToWitnesses(replica, ready, ready.MessagesWhilePersisting);
            if (CrashesHere(replica))
            {
                return true;
            }
        }

        // A snapshot was staged beside the state before the core was told of it.
        replica.Disk.Write(ready, replica.Staged);
        Assert.True(cast.IsWitness(replica.Id) || ready.EntriesToPersist.All(entry => entry.Kind != EntryKind.WithheldCommand), "a full replica holds payloads");
        oracle.Written(replica.Disk, ready.EntriesToPersist);
        SnapshotsInstalled += ready.SnapshotToInstall is null ? 0 : 1;
        network.AddRange(ready.MessagesAfterPersist);
        ToldToWitnesses(replica, ready, ready.MessagesAfterPersist);
        snapshotStreams.AddRange(ready.SnapshotsToSend.Select(to => (new SnapshotRequest(replica.Id, to, node.Term, node.SnapshotAt(node.Applied)), replica.Disk.State[..])));
        if (faulty && OneIn(4))
        {
            // The host was slow to write; more came in meanwhile.
            Tick(replica);
            Propose(replica);
            Read(replica);
            if (network.Find(message => message.To == replica.Id) is { } early)
            {
                Step(replica, early);
            }

            if (snapshotStreams.FindIndex(stream => stream.Request.To == replica.Id) is >= 0 and var stream)
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
        var (request, state) = snapshotStreams[at];
        snapshotStreams.RemoveAt(at);
        if (Of(request.From).Node is not { } sender)
        {
            return;
        }

        var lost = (faulty && OneIn(3)) || cutOff.Contains(request.From) != cutOff.Contains(request.To) || Of(request.To).Node is null;
        if (!lost)
        {
            Stage(request, state);
            Of(request.To).Live.Step(request);
            Of(request.To).Live.Check();
        }

        sender.ReportSnapshot(request.To, !lost);
    }

    private void Stage(SnapshotRequest request, List<EntryId> state)
    {
        oracle.SnapshotNames(request.Snapshot);
        Of(request.To).Staged[request.Snapshot.LastIncluded] = state[..(int)request.Snapshot.LastIncluded.Index.Value];
    }

    private Replica Of(ReplicaId id) => replicas[(int)id.Value - 1];

    private void Log(ReplicaId id, Ready ready)
    {
        Mix(id.ToString());
        Mix($"{ready.HardState} {ready.SnapshotToInstall?.LastIncluded}");
        Mix(string.Join(',', ready.EntriesToPersist.Select(entry => entry.Id)) + '|' + string.Join(',', ready.EntriesToApply.Select(entry => entry.Id)));
        Mix(string.Join(',', ready.ReadStates) + string.Join(',', ready.ReadsLost) + string.Join(',', ready.SnapshotsToSend));
        foreach (var message in ready.MessagesWhilePersisting.Concat(ready.MessagesAfterPersist))
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

    private sealed class Replica(ReplicaId id, Disk disk, ulong seed, ProbeCounter? probes, int quiesceAfterTicks, bool tellCommitAtOnce, bool appendWhilePersisting)
    {
        private ulong starts;

        public ReplicaId Id => id;

        public Disk Disk => disk;

        public RaftNode? Node { get; private set; }

        public RaftNode Live => Node!;

        public Hearing Hearing { get; } = new();

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
                CatchUpEntries = 5,
                Probes = probes,
                QuiesceAfterTicks = quiesceAfterTicks,
                TellCommitAtOnce = tellCommitAtOnce,
                AppendWhilePersisting = appendWhilePersisting,
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
