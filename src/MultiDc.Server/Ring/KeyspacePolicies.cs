using System.Collections.Immutable;
using Microsoft.Extensions.Options;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Server.Hosting;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Ring;

/// <summary>
/// What this silo knows of the policies of keyspaces: those of the newest ring that it has seen, a refresh or two behind the ring's shard. Nothing that replicas
/// must agree on is decided by it.
/// </summary>
internal sealed class KeyspacePolicies(IOptions<MultiDcOptions> options)
{
    private readonly Lock learning = new();
    private readonly ImmutableArray<DatacenterTag> configuredLeaders = Tags(options.Value.PreferredLeaderDatacenters.Select(static name => new DatacenterId(name)));
    private readonly List<(string Keyspace, Action Changed)> watchers = [];
    private volatile Known known = new(null, ImmutableDictionary<string, Policy>.Empty);

    private sealed record Known(RingSnapshot? Ring, ImmutableDictionary<string, Policy> Policies);

    private sealed record Policy(KeyspaceDescriptor Keyspace, ImmutableArray<DatacenterTag> Leaders);

    /// <summary>The newest ring that this silo has seen; null before it saw one.</summary>
    public RingSnapshot? Ring => known.Ring;

    /// <summary>Takes over a ring, unless a newer one is known.</summary>
    public void Learn(RingSnapshot ring)
    {
        Action[] changed;
        lock (learning)
        {
            if (ring.Version.Value <= known.Ring?.Version.Value)
            {
                return;
            }

            var before = known.Policies;
            var policies = ring.Keyspaces.ToImmutableDictionary(static k => k.Name, static k => new Policy(k, k.PreferredLeaders.IsDefault ? [] : Tags(k.PreferredLeaders)));
            known = new(ring, policies);
            changed = [.. watchers.Where(w => !LeadersOf(before, w.Keyspace).SequenceEqual(LeadersOf(policies, w.Keyspace))).Select(static w => w.Changed)];
        }

        foreach (var call in changed)
        {
            call();
        }
    }

    /// <summary>Where the keyspace's leaders should be, best first; empty: anywhere.</summary>
    public IReadOnlyList<DatacenterTag> LeadersOf(string keyspace) => LeadersOf(known.Policies, keyspace);

    /// <summary>Calls back, from any thread, when <see cref="LeadersOf(string)"/> changes, until the answer is disposed of.</summary>
    public IDisposable WhenLeadersChange(string keyspace, Action changed)
    {
        var watcher = (keyspace, changed);
        lock (learning)
        {
            watchers.Add(watcher);
        }

        return new Watching(this, watcher);
    }

    /// <summary>How many replicas of each shard of a keyspace a datacenter has; one, if it is not known.</summary>
    public int ReplicasIn(string keyspace, DatacenterId datacenter) => known.Policies.TryGetValue(keyspace, out var policy) ? policy.Keyspace.ReplicasIn(datacenter) : 1;

    /// <summary>Says why the keyspace's limits forbid the write, or null.</summary>
    public string? DescribeProblem(string keyspace, WriteOperation operation) =>
        known.Policies.TryGetValue(keyspace, out var policy) ? policy.Keyspace.DescribeProblem(operation) : null;

    private ImmutableArray<DatacenterTag> LeadersOf(ImmutableDictionary<string, Policy> policies, string keyspace) =>
        policies.TryGetValue(keyspace, out var policy) && !policy.Leaders.IsEmpty ? policy.Leaders : configuredLeaders;

    private static ImmutableArray<DatacenterTag> Tags(IEnumerable<DatacenterId> datacenters) => [.. datacenters.Select(GroupMembers.TagOf)];

    private sealed class Watching(KeyspacePolicies owner, (string Keyspace, Action Changed) watcher) : IDisposable
    {
        public void Dispose()
        {
            lock (owner.learning)
            {
                owner.watchers.Remove(watcher);
            }
        }
    }
}
