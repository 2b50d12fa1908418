using System.Text.Json;

namespace MultiDc.Host.Drills;

/// <summary>What the replicas of keyspace <c>default</c>, and those of the ring, say of themselves at one time.</summary>
internal sealed class ReplicaView
{
    private const string Keyspace = "default";

    private readonly List<Replica> replicas = [];
    private readonly List<Replica> ring = [];

    private ReplicaView()
    {
    }

    public int Shards { get; private set; }

    /// <summary>The greatest terms of all shards, added up: grows by one or more with each election.</summary>
    public ulong Terms => replicas.GroupBy(static r => r.Shard).Aggregate(0UL, static (sum, shard) => sum + shard.Max(static r => r.Term));

    /// <summary>All replicas run, follow a leader, and are hardly behind.</summary>
    public bool IsWhole(int datacenters) => Shards > 0 && AreWhole(replicas, Shards * datacenters) && AreWhole(ring, datacenters);

    private static bool AreWhole(List<Replica> replicas, int count) => replicas.Count == count
        && replicas.TrueForAll(static r => r is { State: "running", HasLeader: true })
        && replicas.GroupBy(static r => r.Shard).All(static shard => shard.Max(static r => r.Commit) - shard.Min(static r => r.Applied) <= 64);

    /// <summary>The shards that a datacenter leads.</summary>
    public int[] LedBy(string datacenter) => [.. Leaders().Where(r => r.Datacenter == datacenter).Select(static r => r.Shard).Order()];

    /// <summary>The datacenter that leads most shards.</summary>
    public string Leading(IEnumerable<string> datacenters) => datacenters.MaxBy(d => LedBy(d).Length)!;

    /// <summary>The silo, of a datacenter, that leads most shards, and which.</summary>
    public (string Silo, int[] Shards) LeadingSilo(string datacenter) => Leaders().Where(r => r.Datacenter == datacenter).GroupBy(static r => r.Silo)
        .OrderByDescending(static silo => silo.Count()).Select(static silo => (silo.Key, silo.Select(static r => r.Shard).Order().ToArray())).First();

    /// <summary>The shards that have a replica on the silo.</summary>
    public int[] On(string silo) => [.. replicas.Where(r => r.Silo == silo).Select(static r => r.Shard).Order()];

    /// <summary>The shards of which a datacenter's replica is in a state.</summary>
    public int[] InState(string datacenter, params string[] states) =>
        [.. replicas.Where(r => r.Datacenter == datacenter && states.Contains(r.State)).Select(static r => r.Shard).Order()];

    /// <summary>The datacenter that leads each shard.</summary>
    public IReadOnlyDictionary<int, string> LeaderOf => Leaders().ToDictionary(static r => r.Shard, static r => r.Datacenter);

    /// <summary>Reads what <c>multidc status --json</c> printed.</summary>
    public static ReplicaView Parse(string lines)
    {
        var view = new ReplicaView();
        foreach (var line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using var json = JsonDocument.Parse(line);
            var root = json.RootElement;
            if (root.GetProperty("type").ValueEquals("ring"))
            {
                view.Shards = root.GetProperty("keyspaces").EnumerateArray().Single(static k => k.GetProperty("name").ValueEquals(Keyspace)).GetProperty("shardCount").GetInt32();
            }
            else if (ReplicaAddress.TryParse(root.GetProperty("replica").GetString()!, out var address))
            {
                (address.Shard == ShardId.Ring ? view.ring : address.Shard.Keyspace == Keyspace ? view.replicas : null)?.Add(new(
                    address.Shard.Number, address.Datacenter.Value, root.GetProperty("silo").GetString() ?? "", root.GetProperty("state").GetString()!,
                    root.GetProperty("role").ValueEquals("Leader"), root.GetProperty("leader").ValueKind == JsonValueKind.String,
                    root.GetProperty("term").GetUInt64(), root.GetProperty("commitIndex").GetUInt64(), root.GetProperty("appliedIndex").GetUInt64()));
            }
        }

        return view;
    }

    // Of two that call themselves leader the one of the greater term is.
    private IEnumerable<Replica> Leaders() =>
        replicas.Where(static r => r is { IsLeader: true, State: "running" }).GroupBy(static r => r.Shard).Select(static shard => shard.MaxBy(static r => r.Term)!);

    private sealed record Replica(
        int Shard, string Datacenter, string Silo, string State, bool IsLeader, bool HasLeader, ulong Term, ulong Commit, ulong Applied);
}
