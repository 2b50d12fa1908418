using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Host.Bench;
using MultiDc.Host.Loading;
using MultiDc.Ring;

namespace MultiDc.Host.Output;

/// <summary>Tells results, to people or to programs.</summary>
internal interface IResultWriter
{
    /// <summary>With what the session has seen by now, if there is one.</summary>
    void Read(string key, ReadResult result, SessionToken? token = null);

    void Write(string key, WriteResult result, SessionToken? token = null);

    /// <summary>What became of a batch: of one that was applied its branch, and what each of that branch's operations came to.</summary>
    void Batch(BatchOperation batch, WriteResult result, SessionToken? token = null);

    void Entry(KeyValueEntry entry);

    /// <summary>What a watch tells: all changes of a revision, or that it has come further.</summary>
    void Watched(WatchBatch batch);

    /// <summary>A watch has ended; with the token, if there is one, another goes on behind it.</summary>
    void WatchEnded(WatchToken? token);

    /// <summary>A watch cannot go on, because changes are not remembered so long; what was told before is all there was.</summary>
    void WatchCompacted(WatchCompactedException exception);

    /// <summary>A scan has come to its limit; with the token, if there is one, another goes on behind it.</summary>
    void ScanStopped(ScanToken? token);

    /// <summary>A scan or watch cannot go on; what was told before is valid but not all.</summary>
    void ScanRefused(RejectionReason reason, string detail);

    void Status(RingSnapshot? ring, IReadOnlyList<ReplicaStatus> replicas);

    void Keyspaces(IReadOnlyList<KeyspaceDescriptor> keyspaces);

    /// <summary>A keyspace was created or altered, or not.</summary>
    void KeyspaceChanged(string name, WriteResult result);

    void Loaded(LoadSummary summary);

    void Benched(BenchReport report);
}
