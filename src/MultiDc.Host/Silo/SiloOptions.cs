namespace MultiDc.Host.Silo;

/// <summary>How the silo of this process joins its Orleans cluster: the configuration section <c>Silo</c>.</summary>
internal sealed class SiloOptions
{
    /// <summary>The silo's name, which must stay the same over restarts. Default: <c>datacenter/silo-1</c>.</summary>
    public string Name { get; set; } = "";

    /// <summary>The address the silo listens on and tells the others. Default: the loopback address.</summary>
    public string Address { get; set; } = "127.0.0.1";

    /// <summary>The port for other silos of the cluster. Default: 11111.</summary>
    public int SiloPort { get; set; } = 11111;

    /// <summary>The port for clients and for other datacenters. Default: 30000.</summary>
    public int GatewayPort { get; set; } = 30000;

    /// <summary>Where the cluster's membership is kept: <c>Localhost</c> (development: this machine, no table) or <c>Redis</c>. Default: Localhost.</summary>
    public SiloClustering Clustering { get; set; } = SiloClustering.Localhost;

    /// <summary>With Redis: its <c>host:port</c> and options, as StackExchange.Redis reads them.</summary>
    /// <remarks>
    /// A silo that starts while its Redis is away waits for it, and says so; one that runs goes on without it, and only silos that come or
    /// die meanwhile are not noticed.
    /// </remarks>
    public string Redis { get; set; } = "";

    /// <summary>
    /// Where replicas are kept: <c>Embedded</c> (in <c>MultiDc:DataFolder</c>, which belongs to this silo alone) or <c>Postgres</c> (in a database
    /// that all silos of the datacenter share, so that a replica may wake on any of them). Default: Embedded.
    /// </summary>
    public SiloStore Store { get; set; } = SiloStore.Embedded;

    /// <summary>
    /// With Postgres: the database, as Npgsql reads it; apply <c>infra/postgres/apply.sh</c> to it first. It also keeps the grains of the
    /// application (the default grain storage). Set it in the environment when it holds a password.
    /// </summary>
    public string Postgres { get; set; } = "";

    /// <summary>
    /// Whether the silo's threads do without interrupting each other when they are woken (Linux: SCHED_BATCH): more is done together, and on few processors more is done. Other
    /// programs on the machine get no more than their share. Default: true.
    /// </summary>
    public bool BatchScheduling { get; set; } = true;

    /// <summary>With Localhost: the silo port of the cluster's first silo, when this one is not it. Default: this silo's own port.</summary>
    public int? PrimarySiloPort { get; set; }

    /// <summary>
    /// How long a silo waits at first for another's answer when it probes it; what is then seen of the answers moves the limit between half
    /// and twice of this. Orleans' own default is five times as long. Default: 1 s.
    /// </summary>
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// A silo that misses this many probes in a row is declared dead, and its cluster goes on without it: with the defaults within about
    /// four seconds. A silo that was declared dead while it lives ends itself. Default: 2.
    /// </summary>
    public int MissedProbes { get; set; } = 2;

    /// <summary>How often a silo reads its cluster's membership again: so long may one that was declared dead not know it. Default: 5 s.</summary>
    public TimeSpan MembershipRefreshPeriod { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How often a silo writes to the membership that it lives. A new silo does not wait for one that has not for three times as long, so a
    /// datacenter of which only some silos come back serves after that. Default: 5 s.
    /// </summary>
    public TimeSpan IAmAlivePeriod { get; set; } = TimeSpan.FromSeconds(5);
}

/// <summary>Where membership is kept.</summary>
internal enum SiloClustering
{
    /// <summary>In the first silo of this machine.</summary>
    Localhost,

    /// <summary>In Redis.</summary>
    Redis,
}

/// <summary>Where replicas are kept.</summary>
internal enum SiloStore
{
    /// <summary>In the silo's data folder.</summary>
    Embedded,

    /// <summary>In a PostgreSQL database that the silos of the datacenter share.</summary>
    Postgres,
}
