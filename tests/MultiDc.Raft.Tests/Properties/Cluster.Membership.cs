namespace MultiDc.Raft.Tests;

/// <summary>Changes of the membership at random, and the loss of a datacenter.</summary>
internal sealed partial class Cluster
{
    // For each witness and id, the full voters that were away when the leader told it, which the promise in CommitQuorum leaves out.
    private readonly Dictionary<(ReplicaId Witness, EntryId Id), HashSet<ReplicaId>> awayWhenTold = [];

    public int Configurations => oracle.Configurations;

    /// <summary>Whether <see cref="LoseSome"/> left a group that had to go on, and did.</summary>
    public bool SurvivedLoss { get; private set; }

    /// <summary>
    /// Loses a datacenter, or any replicas, for good. What remains was promised nothing when no full voter of it can count on a majority
    /// of those that are here and were not away when a witness was told of what they lack. Otherwise somebody must be elected, and all
    /// members that are here must apply what the leader proposes, if without the lost ones it may commit at all.
    /// </summary>
    public void LoseSome()
    {
        faulty = false;
        cutOff = [];
        var datacenter = Cast.AnyDatacenter(random);
        HashSet<ReplicaId> lost = OneIn(2)
            ? [.. cast.Everybody.Where(_ => OneIn(3))]
            : [.. cast.Everybody.Where(id => Cast.DatacenterOf(id) == datacenter)];
        foreach (var replica in replicas)
        {
            if (lost.Contains(replica.Id))
            {
                replica.Stop();
            }
            else if (replica.Node is null)
            {
                replica.Start();
            }
            else
            {
                CarryOutAll(replica);
            }
        }

        network.Clear();
        snapshotStreams.RemoveAll(stream => Of(stream.Request.From).Node is null);
        var here = replicas.Where(replica => replica.Node is not null).ToList();
        var best = MostUpToDate(here.Where(replica => !cast.IsWitness(replica.Id) && replica.Live.Configuration.IsVoter(replica.Id)));
        var configurations = new[] { best, MostUpToDate(here) }.OfType<Replica>().Select(replica => replica.Live.Configuration);
        if (best is null || !configurations.All(of => of.IsVoter(best.Id) && new JointQuorum(of).Is(voter => WasPromised(best, Of(voter)))))
        {
            return;
        }

        Converge();
        SurvivedLoss = true;
    }

    private static Replica? MostUpToDate(IEnumerable<Replica> some) => some.MaxBy(replica => (replica.Live.LastEntry.Term, replica.Live.LastEntry.Index));

    private bool WasPromised(Replica best, Replica voter)
    {
        if (voter.Node is not { Configuration.Voters.IsEmpty: false } node)
        {
            return false;
        }

        return cast.IsWitness(voter.Id) || (best.Live.LastEntry.IsAtLeastAsUpToDateAs(node.LastEntry) && !WasAway(voter));
    }

    /// <summary>Whether a witness that is here knows of an entry that the voter lacks, and was told so because the voter was away.</summary>
    private bool WasAway(Replica voter) => replicas
        .Where(replica => replica.Node is not null && cast.IsWitness(replica.Id))
        .SelectMany(witness => witness.Disk.Entries.Select(entry => entry.Id).Append(witness.Disk.Snapshot.LastIncluded).Select(id => (witness.Id, id)))
        .Any(told => awayWhenTold.TryGetValue(told, out var away) && away.Contains(voter.Id) && !Holds(voter, told.id));

    private static bool Holds(Replica replica, EntryId id) =>
        id.Index <= replica.Disk.Snapshot.LastIncluded.Index || replica.Disk.Entries.Any(entry => entry.Id == id);

    private void ChangeMembership(Replica replica)
    {
        if ((OneIn(5) ? replica : CurrentLeader())?.Node is not { } node)
        {
            return;
        }

        if (OneIn(4))
        {
            node.ProposeLeaveJoint();
            return;
        }

        var changes = Enumerable.Range(0, random.Next(1, 4)).Select(_ => AnyChange()).ToList();
        node.ProposeConfiguration(changes, (ConfigurationTransition)random.Next(0, 3));
    }

    private ConfigurationChange AnyChange()
    {
        var id = replicas[random.Next(0, replicas.Count)].Id;
        var kind = random.Next(0, 4) switch
        {
            0 => ConfigurationChangeKind.Remove,
            _ when cast.IsWitness(id) => ConfigurationChangeKind.AddWitness,
            1 => ConfigurationChangeKind.AddLearner,
            _ => ConfigurationChangeKind.AddVoter,
        };
        return new ConfigurationChange(kind, id, Cast.DatacenterOf(id));
    }

    private static void Tick(Replica replica)
    {
        if (replica.Node is { } node)
        {
            replica.Hearing.Tick(node);
            var leader = node.Leader;
            node.Tick();
            replica.Hearing.Campaigns(node, leader);
        }
    }

    private static void Forget(Replica replica)
    {
        if (replica.Node is { } node)
        {
            replica.Hearing.Forgets(node);
            node.ForgetLeader();
        }
    }

    private static void LeaveOut(Replica replica, ReplicaId other)
    {
        if (replica.Node is { } node)
        {
            replica.Hearing.IsTold(node, other);
            node.ReportGone(other);
        }
    }

    private void Step(Replica replica, RaftMessage message)
    {
        if (message is SnapshotRequest request)
        {
            Assert.True(cast.IsWitness(request.To), "metadata without state is for witnesses");
            Stage(request, oracle.StateAt(request.Snapshot.LastIncluded.Index));
        }

        replica.Hearing.Step(replica.Live, message);
        replica.Live.Step(message);
    }

    private void ToldToWitnesses(Replica replica, Ready ready, IEnumerable<RaftMessage> said)
    {
        var node = replica.Live;
        var away = replica.Hearing.Away(node, ready.SnapshotsToSend);
        foreach (var message in said.Where(message => node.Role == RaftRole.Leader && cast.IsWitness(message.To)))
        {
            IEnumerable<EntryId> ids = message switch
            {
                AppendRequest append => append.Entries.Select(entry => entry.Id),
                SnapshotRequest snapshot => [snapshot.Snapshot.LastIncluded],
                _ => [],
            };
            foreach (var id in ids)
            {
                awayWhenTold.TryAdd((message.To, id), []);
                awayWhenTold[(message.To, id)].UnionWith(away);
            }
        }
    }

    /// <summary>
    /// Whom a leader does not wait for, seen from outside: who was silent for an election timeout, also as the leader before it, is said to be
    /// gone or needs a snapshot, until it holds all.
    /// </summary>
    private sealed class Hearing
    {
        private readonly Dictionary<ReplicaId, int> silentTicks = [];
        private readonly HashSet<ReplicaId> away = [];
        private (RaftNode? Node, Term Term) leadership;
        private ReplicaId missed;

        public void Forgets(RaftNode node) => missed = node.Role == RaftRole.Follower && !node.Leader.IsNone ? node.Leader : missed;

        public void Campaigns(RaftNode node, ReplicaId leaderBefore) => missed = node.Role == RaftRole.PreCandidate && !leaderBefore.IsNone ? leaderBefore : missed;

        public void IsTold(RaftNode node, ReplicaId other)
        {
            Follow(node);
            if (silentTicks.ContainsKey(other))
            {
                away.Add(other);
            }
        }

        public IReadOnlySet<ReplicaId> Away(RaftNode node, IEnumerable<ReplicaId> snapshotsToSend)
        {
            Follow(node);
            away.UnionWith(snapshotsToSend);
            return away;
        }

        public void Tick(RaftNode node)
        {
            Follow(node);
            foreach (var member in silentTicks.Keys)
            {
                silentTicks[member]++;
            }

            away.UnionWith(silentTicks.Where(silent => silent.Value >= ElectionTimeoutTicks).Select(silent => silent.Key));
        }

        public void Step(RaftNode node, RaftMessage message)
        {
            Follow(node);
            missed = message.From == missed || (message.Term >= node.Term && message is AppendRequest or HeartbeatRequest or SnapshotRequest or QuiesceRequest or TimeoutNowRequest) ? ReplicaId.None : missed;
            if (message.Term == node.Term && message is AppendAccepted or AppendRejected or HeartbeatResponse { Round: > 0 } && silentTicks.ContainsKey(message.From))
            {
                silentTicks[message.From] = 0;
                away.RemoveWhere(member => message is AppendAccepted accepted && member == message.From && accepted.Match == node.LastEntry.Index);
            }
        }

        private void Follow(RaftNode node)
        {
            var isNew = leadership != (node, node.Term) || silentTicks.Count == 0;
            if (leadership != (node, node.Term) || node.Role != RaftRole.Leader)
            {
                leadership = (node, node.Term);
                silentTicks.Clear();
            }

            var members = node.Role == RaftRole.Leader ? node.Configuration.Members : [];
            foreach (var gone in silentTicks.Keys.Except(members).ToArray())
            {
                silentTicks.Remove(gone);
            }

            foreach (var member in members.Where(member => member != node.Id))
            {
                silentTicks.TryAdd(member, 0);
            }

            away.IntersectWith(silentTicks.Keys);
            if (isNew && silentTicks.ContainsKey(missed))
            {
                away.Add(missed);
            }
        }
    }
}
