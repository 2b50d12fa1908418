using System.Diagnostics.Metrics;

namespace MultiDc.Storage;

/// <summary>The store's instruments, under the meter <c>MultiDc</c>.</summary>
internal sealed class StoreMetrics : IDisposable
{
    private readonly Meter meter;
    private readonly Histogram<double> flushDuration;
    private readonly Histogram<double> stateFlushDuration;
    private readonly Histogram<int> batchWrites;
    private readonly Counter<long> fenced;
    private readonly Counter<long> refusedFull;
    private Func<int>? queueDepth;
    private Func<long>? appliedBytes;
    private Func<long>? handedOverBytes;
    private Func<StoreHealth>? health;

    public StoreMetrics(IMeterFactory? factory)
    {
        meter = factory?.Create("MultiDc") ?? new Meter("MultiDc");
        flushDuration = meter.CreateHistogram<double>(
            "multidc.store.flush.duration", "s", "How long it took to make one commit durable.");
        stateFlushDuration = meter.CreateHistogram<double>(
            "multidc.store.state_flush.duration", "s", "How long it took to make applied rows durable.");
        batchWrites = meter.CreateHistogram<int>(
            "multidc.store.batch.writes", "{write}", "Writes that were made durable by one commit.");
        fenced = meter.CreateCounter<long>(
            "multidc.store.fenced", "{write}", "Writes refused because a later opening of the replica exists.");
        refusedFull = meter.CreateCounter<long>(
            "multidc.store.refused_full", "{write}", "Writes refused because the disk has too little free space.");
        meter.CreateObservableUpDownCounter(
            "multidc.store.queue.depth", () => Observe(queueDepth), "{write}", "Writes that wait for a commit.");
        meter.CreateObservableUpDownCounter(
            "multidc.store.applied.size", () => appliedBytes is { } read ? new[] { new Measurement<long>(read()) } : [], "By", "Applied rows in memory that RocksDB was not given yet.");
        meter.CreateObservableUpDownCounter(
            "multidc.store.handed_over.size", () => handedOverBytes is { } read ? new[] { new Measurement<long>(read()) } : [], "By", "Applied rows in memory that RocksDB has, kept for writes that look at what they replace.");
        meter.CreateObservableGauge(
            "multidc.store.health", () => Observe(health is { } read ? () => (int)read() : null), null, "0 ok, 1 read-only, 2 failed, 3 unavailable.");
    }

    /// <summary>What the observable instruments show while the store is open.</summary>
    public void Watch(Func<int> queueDepth, Func<StoreHealth> health, Func<long>? appliedBytes = null, Func<long>? handedOverBytes = null) =>
        (this.queueDepth, this.health, this.appliedBytes, this.handedOverBytes) = (queueDepth, health, appliedBytes, handedOverBytes);

    public void Committed(int writes, TimeSpan took)
    {
        batchWrites.Record(writes);
        flushDuration.Record(took.TotalSeconds);
    }

    public void StateFlushed(TimeSpan took) => stateFlushDuration.Record(took.TotalSeconds);

    public void Fenced() => fenced.Add(1);

    public void RefusedFull() => refusedFull.Add(1);

    /// <summary>Shows nothing more. A factory's meter lives on with the factory.</summary>
    public void Dispose()
    {
        (queueDepth, appliedBytes, handedOverBytes, health) = (null, null, null, null);
        meter.Dispose();
    }

    private static IEnumerable<Measurement<int>> Observe(Func<int>? value) => value is null ? [] : [new Measurement<int>(value())];
}
