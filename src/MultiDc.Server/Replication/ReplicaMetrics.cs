using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace MultiDc.Server.Replication;

/// <summary>What the replicas of a silo count, under the meter <c>MultiDc</c>.</summary>
internal sealed class ReplicaMetrics : IDisposable
{
    private readonly Meter meter;
    private readonly ConcurrentDictionary<Func<long?>, string> sizes = [];

    public ReplicaMetrics(IMeterFactory? meters)
    {
        var options = new MeterOptions("MultiDc");
        meter = meters?.Create(options) ?? new Meter(options);
        MessagesDropped = meter.CreateCounter<long>("multidc.replica.messages.dropped", "{message}", "Raft messages dropped: inbox full, stranger, unreadable, or not running.");
        ParcelsSent = meter.CreateCounter<long>("multidc.transport.parcels", "{parcel}", "Parcels of Raft messages sent, by datacenter.");
        FramesSent = meter.CreateCounter<long>("multidc.transport.frames", "{frame}", "Frames sent in them, each of one replica to one other.");
        FramesDropped = meter.CreateCounter<long>("multidc.transport.frames.dropped", "{frame}", "Frames dropped because too much waits for the datacenter, or it was never reached.");
        CallsRefused = meter.CreateCounter<long>("multidc.silo.calls.refused", "{call}", "Calls that only silos may make and that came without the right credential; any is an alert.");
        RequestsRefused = meter.CreateCounter<long>("multidc.replica.requests.refused", "{request}", "Callers' requests refused because a queue was full.");
        FoundingsWaiting = meter.CreateUpDownCounter<long>("multidc.replica.foundings.waiting", "{replica}", "Replicas of this silo that wait for their turn to be founded.");
        LeadershipsWon = meter.CreateCounter<long>("multidc.raft.leaderships.won", "{leadership}", "Elections won by replicas of this silo.");
        LeadersMisplaced = meter.CreateUpDownCounter<long>("multidc.raft.leaders.misplaced", "{shard}", "Shards led by replicas of this silo that should be led from another datacenter.");
        EntriesApplied = meter.CreateCounter<long>("multidc.raft.entries.applied", "{entry}", "Log entries applied to the state machine.");
        LeasesExpired = meter.CreateCounter<long>("multidc.leases.expired", "{lease}", "Leases on keys whose end was proposed, because they were not renewed in time.");
        SnapshotChunksResent = meter.CreateCounter<long>("multidc.replica.snapshot.chunks.resent", "{chunk}", "Snapshot chunks sent again, because no answer came.");
        RollbacksSeen = meter.CreateCounter<long>("multidc.replica.rollbacks", "{store}", "Stores of replicas, this silo's or another's, found to have been rolled back; any is an alert.");
        Stops = meter.CreateCounter<long>("multidc.replica.stops", "{replica}", "Pumps that ended, by reason; any 'Broken' is an alert.");
        WatchHistoryBytes = meter.CreateUpDownCounter<long>("multidc.watch.history.size", "By", "Recent changes that replicas of this silo keep in memory for watches.");
        WatchersWaiting = meter.CreateUpDownCounter<long>("multidc.watch.waiting", "{watcher}", "Watchers that wait at replicas of this silo for a change.");
        WatchesRefused = meter.CreateCounter<long>("multidc.watch.refused", "{request}", "Requests of watchers that were not served, by reason; 'compacted' are those that asked for changes no longer remembered.");
        meter.CreateObservableGauge("multidc.keyspace.size", Sizes, "By", "Bytes of keys and values in the shards that replicas of this silo lead, by keyspace; of keyspaces with a limit on it, once they are counted.");
        PersistDuration = meter.CreateHistogram<double>("multidc.replica.persist.duration", "s", "How long a Ready took to become durable.");
    }

    public Counter<long> MessagesDropped { get; }

    public Counter<long> ParcelsSent { get; }

    public Counter<long> FramesSent { get; }

    public Counter<long> FramesDropped { get; }

    public Counter<long> CallsRefused { get; }

    public Counter<long> RequestsRefused { get; }

    public UpDownCounter<long> FoundingsWaiting { get; }

    public Counter<long> LeadershipsWon { get; }

    public UpDownCounter<long> LeadersMisplaced { get; }

    public Counter<long> EntriesApplied { get; }

    public Counter<long> LeasesExpired { get; }

    public Counter<long> SnapshotChunksResent { get; }

    public Counter<long> RollbacksSeen { get; }

    public Counter<long> Stops { get; }

    public UpDownCounter<long> WatchHistoryBytes { get; }

    public UpDownCounter<long> WatchersWaiting { get; }

    public Counter<long> WatchesRefused { get; }

    public Histogram<double> PersistDuration { get; }

    /// <summary>Adds a shard to the sizes, until the answer is disposed of.</summary>
    /// <param name="keyspace">Its keyspace.</param>
    /// <param name="size">How large it is; null: it is not led here, or not counted.</param>
    public IDisposable WatchSize(string keyspace, Func<long?> size)
    {
        sizes[size] = keyspace;
        return new Watching(() => sizes.TryRemove(size, out _));
    }

    public void Dispose() => meter.Dispose();

    private IEnumerable<Measurement<long>> Sizes() => sizes.Select(static watched => (Keyspace: watched.Value, Size: watched.Key())).Where(static shard => shard.Size is not null)
        .GroupBy(static shard => shard.Keyspace).Select(static keyspace => new Measurement<long>(keyspace.Sum(static shard => shard.Size!.Value), new KeyValuePair<string, object?>("keyspace", keyspace.Key)));

    private sealed class Watching(Action stop) : IDisposable
    {
        public void Dispose() => stop();
    }
}
