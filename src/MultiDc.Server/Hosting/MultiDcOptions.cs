using MultiDc.Ring;
using MultiDc.Routing;

namespace MultiDc.Server.Hosting;

/// <summary>How a silo takes part in MultiDc. Read from the configuration section <c>MultiDc</c> or set in code; checked at start.</summary>
public sealed class MultiDcOptions : MultiDcTopologyOptions
{
    /// <summary>The folder of the silo's store; made when it is missing. No default; not used when a store is registered in code.</summary>
    public string DataFolder { get; set; } = "";

    /// <summary>
    /// The secret that all silos of the system share, in all datacenters, and nobody else has; 32 characters or more, such as
    /// <c>openssl rand -hex 32</c> makes. What replicas say to each other is refused without it, since any Orleans client can call any grain. Give
    /// it by the environment (<c>MultiDc__SiloKey</c>) or a secret store rather than in a file. No default; may be left empty where there is one datacenter.
    /// </summary>
    public string SiloKey { get; set; } = "";

    /// <summary>Keyspaces that are created when the ring does not have them. Existing ones are never changed. Default: <c>default</c> with 8 shards.</summary>
    public IList<KeyspaceOptions> Keyspaces { get; init; } = [];

    /// <summary>The silo's share of replicas within its datacenter, relative to the others; 1 to 16. Default: 1.</summary>
    public int Weight { get; set; } = 1;

    /// <summary>How long a Raft tick lasts. Default: 50 ms.</summary>
    public TimeSpan TickInterval { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>A leader sends heartbeats every this many ticks. Default: 2 (100 ms).</summary>
    public int HeartbeatTicks { get; set; } = 2;

    /// <summary>
    /// The election timeout in ticks: a follower campaigns after one to two of these without a leader. Shorter resumes writes sooner after a
    /// loss; it must outlast a scheduling pause and several round trips between datacenters. Default: 12 (600 ms).
    /// </summary>
    public int ElectionTimeoutTicks { get; set; } = 12;

    /// <summary>
    /// A shard that nothing was asked of for this many ticks falls silent on all sides: no ticks, no heartbeats, until the next request. The
    /// loss of its leader is then noticed by that request, which waits for an election. Zero: never. Default: 1200 (1 minute).
    /// </summary>
    public int QuiesceAfterTicks { get; set; } = 1200;

    /// <summary>
    /// Datacenters where leaders should be, best first. A leader elsewhere hands over when a replica in an earlier one is up to date, at the
    /// earliest five election timeouts after it was elected. Those that are not named come last. A keyspace that has an order of its own
    /// goes by that. Default: none, leaders stay where they are.
    /// </summary>
    public IList<string> PreferredLeaderDatacenters { get; init; } = [];

    /// <summary>
    /// Whether a leader may serve linearizable reads by a lease, without asking a quorum each time. Saves a round trip between datacenters
    /// for every read, and rests on clocks: the monotonic clocks of the silos may not differ in rate by more than
    /// <see cref="LeaseMaxDriftPpm"/>, and may not stop while a machine is suspended. What can be checked of that is checked; a leader that
    /// finds it broken asks a quorum again. Set it on all silos or on none, and turn it off before <see cref="ElectionTimeoutTicks"/> or
    /// <see cref="TickInterval"/> are shortened. Default: false.
    /// </summary>
    public bool LeaderLeases { get; set; }

    /// <summary>By how much the rates of two silos' monotonic clocks may differ, in parts per million; 1 to 100,000. Default: 10,000 (1 %).</summary>
    public int LeaseMaxDriftPpm { get; set; } = 10_000;

    /// <summary>By how much a lease ends earlier than it could. Default: 20 ms.</summary>
    public TimeSpan LeaseMargin { get; set; } = TimeSpan.FromMilliseconds(20);

    /// <summary>The threads that all pumps of the silo share; one works while it keeps up, the others help when it does not. With more than one
    /// they also commit what the pumps wrote; a single one leaves that to a thread of the store. Default: one per processor, at most 4.</summary>
    public int PumpThreads { get; set; } = Math.Min(Environment.ProcessorCount, 4);

    /// <summary>How often a datacenter reads the ring again. Default: 1 s.</summary>
    public TimeSpan RingRefreshPeriod { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Whether a silo whose store is new, under a name that had another store before which no silo of its datacenter has, takes the replicas of that
    /// store over: they are refilled from the other datacenters. Otherwise they are refused until the old store is back. Silo names must then be
    /// unique in their datacenter, and stay. Default: true.
    /// </summary>
    public bool ReplaceLostStores { get; set; } = true;

    /// <summary>
    /// How many bytes of recent changes a replica keeps in memory for watches, but at least its newest; mostly shared with its log, which keeps as much. A
    /// watcher that falls behind it is told so. Zero: only the newest. Default: 8 MiB.
    /// </summary>
    public long WatchHistoryBytesPerReplica { get; set; } = 8 * 1024 * 1024;

    /// <summary>How many bytes of recent changes all replicas of the silo keep together; beyond that the largest history gives way. Default: 64 MiB.</summary>
    public long WatchHistoryBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>How many watchers may wait for a change at one replica; more are sent to another. Default: 10,000.</summary>
    public int MaxWaitingWatchers { get; set; } = 10_000;

    /// <summary>Breaks watches on purpose, to see that the tests notice: one that resumes misses what came meanwhile. Never set this. Default: false.</summary>
    public bool UnsafeWatchesResumeFromNow { get; set; }

    /// <summary>Breaks linearizability on purpose, to see that the checkers notice: any replica answers reads at once. Never set this. Default: false.</summary>
    public bool UnsafeReadsWithoutReadIndex { get; set; }

    /// <summary>Breaks what bounded and local reads tell of their age on purpose, to see that tests notice: it is always none. Never set this. Default: false.</summary>
    public bool UnsafeReadsOfAnyAge { get; set; }

    /// <summary>Breaks linearizable reads by followers on purpose, to see that tests notice: they do not ask the leader. Never set this. Default: false.</summary>
    public bool UnsafeFollowerReadsWithoutReadIndex { get; set; }

    /// <summary>
    /// How often a replica of this silo is activated a second time, beside the activation that runs, to rehearse what Orleans may do at any time.
    /// Its shard pauses. Never set this but for a drill. Default: zero, never.
    /// </summary>
    public TimeSpan UnsafeSecondActivationPeriod { get; set; }
}

/// <summary>A keyspace to create.</summary>
public sealed class KeyspaceOptions
{
    /// <summary>Its name; see <see cref="Names"/>. No default.</summary>
    public string Name { get; set; } = "";

    /// <summary>How many shards it has, for good; 1 to <see cref="KeyspaceDescriptor.MaxShardCount"/>. Default: 8.</summary>
    public int ShardCount { get; set; } = 8;
}
