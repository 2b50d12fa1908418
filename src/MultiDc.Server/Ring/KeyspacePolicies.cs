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
    private readonly List<Watcher> watchers = [];
    private volatile Known known = new(RingSnapshot.Empty, ImmutableDictionary<string, Policy>.Empty);

    private sealed record Known(RingSnapshot Ring, ImmutableDictionary<string, Policy> Policies);

    private sealed record Watcher(Func<Known, Known, bool> Concerns, Action Changed);

    private sealed record Policy(KeyspaceDescriptor Keyspace, ImmutableArray<DatacenterTag> Leaders);

    /// <summary>Takes over a ring, unless a newer one is known.</summary>
    public void Learn(RingSnapshot ring)
    {
        Action[] changed;
        lock (learning)
        {
            if (ring.Version.Value <= known.Ring.Version.Value)
            {
                return;
            }

            var before = known;
            known = new(ring, ring.Keyspaces.ToImmutableDictionary(static k => k.Group, static k => new Policy(k, k.PreferredLeaders.IsDefault ? [] : Tags(k.PreferredLeaders))));
            changed = [.. watchers.Where(w => w.Concerns(before, known)).Select(static w => w.Changed)];
        }

        foreach (var call in changed)
        {
            call();
        }
    }

    /// <summary>The newest ring that this silo has seen; of version zero before it saw one.</summary>
    public RingSnapshot Ring => known.Ring;

    /// <summary>Whether the shards that are named so are no more, as far as this silo knows.</summary>
    public bool HasDropped(string group) => known.Ring.HasDropped(group);

    /// <summary>Calls back, from any thread, once the shards that are named so are no more, until the answer is disposed of; at once when they are none already.</summary>
    public IDisposable WhenDropped(string group, Action dropped)
    {
        var watching = Watch(new((before, after) => !before.Ring.HasDropped(group) && after.Ring.HasDropped(group), dropped));
        if (HasDropped(group))
        {
            dropped();
        }

        return watching;
    }

    /// <summary>Calls back, from any thread, when any keyspace was dropped, until the answer is disposed of.</summary>
    public IDisposable WhenAnyDropped(Action dropped) => Watch(new(static (before, after) => before.Ring.LastDrop != after.Ring.LastDrop, dropped));

    /// <summary>Where the leaders of the shards that are named so should be, best first; empty: anywhere.</summary>
    public IReadOnlyList<DatacenterTag> LeadersOf(string group) => LeadersOf(known.Policies, group);

    /// <summary>Calls back, from any thread, when <see cref="LeadersOf(string)"/> changes, until the answer is disposed of.</summary>
    public IDisposable WhenLeadersChange(string group, Action changed) =>
        Watch(new((before, after) => !LeadersOf(before.Policies, group).SequenceEqual(LeadersOf(after.Policies, group)), changed));

    private Watching Watch(Watcher watcher)
    {
        lock (learning)
        {
            watchers.Add(watcher);
        }

        return new(this, watcher);
    }

    /// <summary>How many replicas a datacenter has of each of the shards that are named so; one, if it is not known.</summary>
    public int ReplicasIn(string group, DatacenterId datacenter) => known.Policies.TryGetValue(group, out var policy) ? policy.Keyspace.ReplicasIn(datacenter) : 1;

    /// <summary>How many bytes each of the shards that are named so should hold; null: any number.</summary>
    public long? MaxShardBytesOf(string group) => known.Policies.TryGetValue(group, out var policy) ? policy.Keyspace.MaxShardBytes : null;

    /// <summary>Says why the keyspace's limits forbid the write, or null.</summary>
    public string? DescribeProblem(string group, WriteOperation operation) =>
        known.Policies.TryGetValue(group, out var policy) ? policy.Keyspace.DescribeProblem(operation) : null;

    private ImmutableArray<DatacenterTag> LeadersOf(ImmutableDictionary<string, Policy> policies, string group) =>
        policies.TryGetValue(group, out var policy) && !policy.Leaders.IsEmpty ? policy.Leaders : configuredLeaders;

    private static ImmutableArray<DatacenterTag> Tags(IEnumerable<DatacenterId> datacenters) => [.. datacenters.Select(GroupMembers.TagOf)];

    private sealed class Watching(KeyspacePolicies owner, Watcher watcher) : IDisposable
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
