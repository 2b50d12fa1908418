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

    /// <summary>With Localhost: the silo port of the cluster's first silo, when this one is not it. Default: this silo's own port.</summary>
    public int? PrimarySiloPort { get; set; }
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
