using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Host.Bench;
using MultiDc.Host.Loading;
using MultiDc.Ring;

namespace MultiDc.Host.Output;

/// <summary>Tells results, to people or to programs.</summary>
internal interface IResultWriter
{
    void Read(string key, ReadResult result);

    void Write(string key, WriteResult result);

    void Entry(KeyValueEntry entry);

    /// <summary>What a watch tells: all changes of a revision, or that it has come further.</summary>
    void Watched(WatchBatch batch);

    /// <summary>A watch has ended; with the token, if there is one, another goes on behind it.</summary>
    void WatchEnded(WatchToken? token);

    /// <summary>A watch cannot go on, because changes are not remembered so long; what was told before is all there was.</summary>
    void WatchCompacted(WatchCompactedException exception);

    /// <summary>A scan or watch cannot go on; what was told before is valid but not all.</summary>
    void ScanRefused(RejectionReason reason, string detail);

    void Status(RingSnapshot? ring, IReadOnlyList<ReplicaStatus> replicas);

    void Loaded(LoadSummary summary);

    void Benched(BenchReport report);
}
