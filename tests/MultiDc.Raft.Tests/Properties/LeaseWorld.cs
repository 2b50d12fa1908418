namespace MultiDc.Raft.Tests;

/// <summary>
/// A group whose replicas each have a clock of their own, so that ticks, pauses and leases have lengths. A replica acts in turns, as a pump
/// does: messages first, then a tick if one fell due, however many did. At every event the lease of every replica is compared with who leads.
/// </summary>
internal sealed class LeaseWorld
{
    private const long Millisecond = 1_000_000;
    private const long TickNanoseconds = 50 * Millisecond;
    private const int ElectionTimeoutTicks = 6;

    private readonly SeededRandomSource random;
    private readonly PriorityQueue<Action, (long At, long Order)> events = new();
    private readonly List<Replica> replicas = [];
    private readonly int calm;
    private long now;
    private long order;
    private HashSet<(ReplicaId From, ReplicaId To)> cut = [];

    /// <param name="seed">Decides everything.</param>
    /// <param name="rates">How fast each replica's clock runs, in parts per million of true time.</param>
    public LeaseWorld(ulong seed, params long[] rates)
    {
        random = new SeededRandomSource(seed);
        calm = random.Next(1, 7);
        var configuration = new GroupConfiguration(Enumerable.Range(1, rates.Length).Select(id => new ReplicaId((ulong)id)));
        for (var i = 0; i < rates.Length; i++)
        {
            var replica = new Replica(new ReplicaId((ulong)i + 1), new Disk(configuration), rates[i], random.Next(0, 1000) * Millisecond);
            replicas.Add(replica);
            Restart(replica);
            FallDue(replica);
        }

        Disturb();
    }

    public int Held { get; private set; }

    public int LeadersSeen { get; private set; }

    public ProbeCounter Probes { get; } = new();

    public void Run(int seconds)
    {
        while (now < seconds * 1000 * Millisecond)
        {
            events.TryDequeue(out var next, out var at);
            now = at.At;
            next!();
            CheckLeases();
        }
    }

    private void CheckLeases()
    {
        foreach (var replica in replicas)
        {
            LeadersSeen = Math.Max(LeadersSeen, (int)replica.Node.Term.Value);
            if (replica.Node.LeaseHolds(replica.ClockAt(now)))
            {
                Held++;
                var other = replicas.Find(other => other.Node.Role == RaftRole.Leader && other.Node.Term > replica.Node.Term);
                Assert.True(other is null, $"{replica.Node.Describe()} has a lease at {now / Millisecond} ms but there is {other?.Node.Describe()}");
            }
        }
    }

    private void At(long when, Action action) => events.Enqueue(action, (when, order++));

    /// <summary>The tick source of a replica's machine: never early by its own clock, sometimes late.</summary>
    private void FallDue(Replica replica)
    {
        replica.TickDue = true;
        Wake(replica);
        var late = OneIn(10) ? random.Next(0, 80) * Millisecond : 0;
        At(now + replica.TrueNanoseconds(TickNanoseconds) + late, () => FallDue(replica));
    }

    private void Wake(Replica replica) => At(Math.Max(now, replica.PausedUntil), () => Turn(replica));

    private void Turn(Replica replica)
    {
        if (now < replica.PausedUntil)
        {
            return;
        }

        while (replica.Inbox.TryDequeue(out var message))
        {
            replica.Node.ObserveTime(replica.ClockAt(now));
            replica.Node.Step(message);
        }

        if (replica.TickDue)
        {
            replica.TickDue = false;
            replica.Node.Tick();
        }

        if (OneIn(8))
        {
            replica.Node.Propose(new byte[] { 1 });
        }

        if (calm % 2 == 0 && OneIn(200))
        {
            replica.Node.TransferLeadership(replicas[random.Next(0, replicas.Count)].Id);
        }

        replica.Node.ObserveTime(replica.ClockAt(now));
        CarryOut(replica);
        replica.Node.Check();
    }

    private void CarryOut(Replica replica)
    {
        while (replica.Node.TryGetReady(out var ready))
        {
            replica.Disk.Write(ready, new Dictionary<EntryId, List<EntryId>>());
            foreach (var message in ready.MessagesAfterPersist)
            {
                Send(message);
            }

            replica.Disk.State.AddRange(ready.EntriesToApply.Select(entry => entry.Id));
            replica.Node.Advance();
        }
    }

    private void Send(RaftMessage message)
    {
        if (cut.Contains((message.From, message.To)) || OneIn(50))
        {
            return;
        }

        // In half of the worlds the word to campaign comes when its sender has long given the transfer up.
        var delay = message is TimeoutNowRequest && calm % 2 == 0 ? random.Next(600, 2000)
            : OneIn(20) ? random.Next(0, 800)
            : random.Next(1, 10);
        var to = replicas[(int)message.To.Value - 1];
        At(now + (delay * Millisecond), () =>
        {
            to.Inbox.Enqueue(message);
            Wake(to);
        });
    }

    /// <summary>Mostly what hurts: a leader that falls silent right after it was heard, while another has been waiting to campaign.</summary>
    private void Disturb()
    {
        var any = replicas[random.Next(0, replicas.Count)];
        var leader = replicas.Where(replica => replica.Node.Role == RaftRole.Leader).MaxBy(replica => replica.Node.Term) ?? any;
        switch (random.Next(0, 10))
        {
            case < 3:
                leader.PausedUntil = now + (random.Next(0, 1500) * Millisecond);
                At(leader.PausedUntil, () => Turn(leader));
                break;
            case < 6:
                cut.UnionWith(replicas.SelectMany(other => new[] { (leader.Id, other.Id), (other.Id, leader.Id) }));
                break;
            case 6:
                // Who does not hear the leader asks again and again; whoever forgot its promise would vote for it.
                cut.UnionWith([(leader.Id, any.Id), (any.Id, leader.Id)]);
                var third = replicas[random.Next(0, replicas.Count)];
                At(now + (random.Next(300, 700) * Millisecond), () => Restart(third));
                break;
            case 7:
                Restart(any);
                break;
            case 8 when calm % 3 == 0:
                cut = [.. replicas.SelectMany(from => replicas.Select(to => (from.Id, to.Id))).Where(_ => OneIn(4))];
                break;
            case 8:
                Restart(leader);
                break;
        }

        var held = replicas[random.Next(0, replicas.Count)];
        held.PausedUntil = Math.Max(held.PausedUntil, now + (random.Next(0, 100) * Millisecond));
        At(held.PausedUntil, () => Turn(held));
        At(now + (random.Next(100, 1000) * Millisecond), () => cut = []);
        At(now + (random.Next(100, 300 * calm) * Millisecond), Disturb);
    }

    private void Restart(Replica replica)
    {
        var options = new RaftNodeOptions
        {
            Id = replica.Id,
            ElectionTimeoutTicks = ElectionTimeoutTicks,
            HeartbeatTicks = 1,
            Probes = Probes,
            Lease = new LeaseOptions
            {
                TickNanoseconds = TickNanoseconds,
                MaxDriftPpm = 100_000,
                MarginNanoseconds = 0,
                ClockWindowNanoseconds = 200 * Millisecond,
            },
        };
        replica.Inbox.Clear();
        replica.Node = new RaftNode(options, replica.Disk.Recover(), new Eager((ulong)random.Next(0, int.MaxValue)));
    }

    private bool OneIn(int count) => random.Next(0, count) == 0;

    /// <summary>Election timeouts that are mostly the shortest allowed: whoever may campaign does so at once.</summary>
    private sealed class Eager(ulong seed) : IRandomSource
    {
        private readonly SeededRandomSource random = new(seed);

        public int Next(int minInclusive, int maxExclusive) => random.Next(0, 4) > 0 ? minInclusive : random.Next(minInclusive, maxExclusive);
    }

    private sealed class Replica(ReplicaId id, Disk disk, long rate, long offset)
    {
        public ReplicaId Id => id;

        public Disk Disk => disk;

        public RaftNode Node { get; set; } = null!;

        public Queue<RaftMessage> Inbox { get; } = [];

        public bool TickDue { get; set; }

        public long PausedUntil { get; set; }

        public MonotonicTime ClockAt(long time) => new(offset + (time / 1000 * rate / 1000));

        public long TrueNanoseconds(long local) => (local * 1_000_000 / rate) + 1;
    }
}
