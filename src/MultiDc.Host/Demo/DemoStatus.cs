using MultiDc.Client;
using MultiDc.Grains;

namespace MultiDc.Host.Demo;

/// <summary>How one datacenter stands.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Running">How many of its replicas run.</param>
/// <param name="Leading">The numbers of the demo's shards that it leads.</param>
/// <param name="Term">The greatest term of its replicas.</param>
/// <param name="Lag">By how many entries its replicas are behind, all together.</param>
internal sealed record DatacenterStatus(string Name, int Running, IReadOnlyList<int> Leading, ulong Term, ulong Lag);

/// <summary>How the demo's replicas stand, by datacenter, from their own accounts.</summary>
internal sealed record DemoStatus(IReadOnlyList<DatacenterStatus> Datacenters, int ShardsWithLeader, int Shards)
{
    public bool IsComplete => ShardsWithLeader == Shards && Datacenters.All(d => d.Running == Shards);

    public static async Task<DemoStatus> AskAsync(IMultiDcClient client, IEnumerable<string> datacenters, int shards, CancellationToken stop)
    {
        var replicas = (await client.GetStatusAsync(stop))
            .Where(static r => r.State == "running")
            .Select(static r => (Status: r, Address: ReplicaAddress.TryParse(r.Replica, out var address) ? address : default))
            .Where(static r => r.Address.Shard.Keyspace == DemoCluster.Keyspace)
            .ToArray();
        var ends = replicas.GroupBy(static r => r.Address.Shard.Number).ToDictionary(static g => g.Key, static g => g.Max(static r => r.Status.CommitIndex));

        // Of two that call themselves leader the one of the greater term is.
        var leaders = replicas.Where(static r => r.Status.Role == "Leader").GroupBy(static r => r.Address.Shard.Number)
            .ToDictionary(static g => g.Key, static g => g.MaxBy(static r => r.Status.Term).Address.Datacenter.Value);
        return new(
            [.. datacenters.Select(name => StatusOf(name, [.. replicas.Where(r => r.Address.Datacenter.Value == name)]))],
            leaders.Count,
            shards);

        DatacenterStatus StatusOf(string name, (ReplicaStatus Status, ReplicaAddress Address)[] own) => new(
            name,
            own.Length,
            [.. leaders.Where(l => l.Value == name).Select(static l => l.Key).Order()],
            own.Length == 0 ? 0 : own.Max(static r => r.Status.Term),
            own.Aggregate(0UL, (sum, r) => sum + ends[r.Address.Shard.Number] - Math.Min(r.Status.AppliedIndex, ends[r.Address.Shard.Number])));
    }
}
