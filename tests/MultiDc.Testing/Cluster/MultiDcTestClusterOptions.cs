namespace MultiDc.Testing.Cluster;

/// <summary>Who shares a store.</summary>
public enum TestStores
{
    /// <summary>Every silo has a disk of its own, as with the embedded store.</summary>
    PerSilo,

    /// <summary>The silos of a datacenter share one disk, as with a database in each datacenter.</summary>
    PerDatacenter,
}

/// <summary>What a <see cref="MultiDcTestCluster"/> looks like.</summary>
public sealed record MultiDcTestClusterOptions
{
    /// <summary>The datacenters.</summary>
    public IReadOnlyList<string> Datacenters { get; init; } = ["dc1", "dc2", "dc3"];

    /// <summary>Those of them that are witnesses, as all silos are configured.</summary>
    public IReadOnlyList<string> Witnesses { get; init; } = [];

    /// <summary>How many silos each has.</summary>
    public int SilosPerDatacenter { get; init; } = 2;

    /// <summary>Who shares a store.</summary>
    public TestStores Stores { get; init; } = TestStores.PerSilo;

    /// <summary>Opens a silo's store, by datacenter, instead of one in memory; null: in memory. Used with <see cref="TestStores.PerDatacenter"/>.</summary>
    public Func<string, Task<MultiDc.Storage.IReplicaStore>>? OpenStore { get; init; }

    /// <summary>What else every silo gets.</summary>
    public Action<ISiloBuilder>? ConfigureSilo { get; init; }

    /// <summary>Has a word over the options of silos.</summary>
    public Action<MultiDc.Server.Hosting.MultiDcOptions>? ConfigureSiloOptions { get; init; }

    /// <summary>Has the last word over the options of clients.</summary>
    public Action<MultiDc.Client.MultiDcClientOptions>? ConfigureClient { get; init; }

    /// <summary>Shards of the keyspace <c>default</c>.</summary>
    public int ShardCount { get; init; } = 8;

    /// <summary>Raft's election timeout; long enough for a machine that does other things.</summary>
    public TimeSpan ElectionTimeout { get; init; } = TimeSpan.FromSeconds(1.5);

    /// <summary>How often a datacenter reads the ring.</summary>
    public TimeSpan RingRefreshPeriod { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Names of silos that stay down until a test starts them.</summary>
    public IReadOnlyList<string> InitiallyDown { get; init; } = [];

    /// <summary>Whether a store that comes in the place of a lost one takes its replicas over.</summary>
    public bool ReplaceLostStores { get; init; } = true;

    /// <summary>Starts all silos at once instead of one after the other.</summary>
    public bool StartTogether { get; init; }
}
