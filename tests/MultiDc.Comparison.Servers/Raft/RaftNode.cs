using System.Net;
using DotNext.Net.Cluster.Consensus.Raft;
using DotNext.Net.Cluster.Consensus.Raft.Membership;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;

namespace MultiDc.Comparison.Servers.Raft;

/// <summary>What a node is told.</summary>
/// <param name="Address">Where the other nodes reach it.</param>
/// <param name="Members">All nodes, this one too; the same everywhere.</param>
/// <param name="Folder">Its log and snapshots.</param>
/// <param name="ElectionTimeout">The shorter end; up to twice as long.</param>
/// <param name="SnapshotAfterEntries">As etcd has it by default.</param>
internal sealed record RaftNodeOptions(IPEndPoint Address, IReadOnlyList<IPEndPoint> Members, DirectoryInfo Folder, TimeSpan ElectionTimeout, long SnapshotAfterEntries = 100_000);

/// <summary>One node of a cluster of DotNext.Net.Cluster, over its TCP transport, with its persistent log, and <see cref="EntryStore"/> as the state.</summary>
internal sealed class RaftNode : IAsyncDisposable
{
    // Of the election timeout, as etcd has it.
    private const double HeartbeatShare = 0.1;

    // By default each file of the log has the size of a page, room for a dozen entries.
    private const int ChunkBytes = 16 * 1024 * 1024;

    private readonly RaftCluster cluster;
    private readonly WriteAheadLog log;

    private RaftNode(RaftCluster cluster, WriteAheadLog log, EntryStore store) => (this.cluster, this.log, Store) = (cluster, log, store);

    /// <summary>What was committed and applied here.</summary>
    public EntryStore Store { get; }

    public bool Leads => !cluster.LeadershipToken.IsCancellationRequested;

    /// <summary>Done when it leads.</summary>
    public Task WaitUntilItLeadsAsync(CancellationToken cancellationToken) => cluster.WaitForLeadershipAsync(cancellationToken);

    public static async Task<RaftNode> StartAsync(RaftNodeOptions options, CancellationToken cancellationToken)
    {
        var store = new EntryStore(options.Folder.CreateSubdirectory("snapshots"), options.SnapshotAfterEntries);
        await store.RestoreAsync(cancellationToken).ConfigureAwait(false);
        var log = new WriteAheadLog(new() { Location = options.Folder.CreateSubdirectory("log").FullName, ChunkSize = ChunkBytes }, store);
        var lower = (int)options.ElectionTimeout.TotalMilliseconds;
        var configuration = new RaftCluster.TcpConfiguration(options.Address)
        {
            ColdStart = false,
            ConfigurationStorage = null,
            LowerElectionTimeout = lower,
            UpperElectionTimeout = 2 * lower,
            HeartbeatThreshold = HeartbeatShare,
        };
        var storage = configuration.ConfigurationStorage as InMemoryClusterConfigurationStorage<EndPoint> ?? throw new InvalidOperationException("the members are not kept in memory");
        var members = storage.CreateInitialConfigurationBuilder();
        foreach (var member in options.Members)
        {
            members.Add(member);
        }

        members.Build();
        var node = new RaftNode(new(configuration) { AuditTrail = log }, log, store);
        await node.cluster.StartAsync(cancellationToken).ConfigureAwait(false);
        return node;
    }

    /// <summary>Done when the command is in a majority of the logs and applied here. The library does not wait for a disk.</summary>
    public ValueTask ReplicateAsync(ReadOnlyMemory<byte> command, CancellationToken cancellationToken) => cluster.ReplicateAsync(command, token: cancellationToken);

    /// <summary>What is read after this is not older than what was committed before it: a majority was asked.</summary>
    public ValueTask ReadBarrierAsync(CancellationToken cancellationToken) => cluster.ApplyReadBarrierAsync(ReadBarrierType.Strong, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await cluster.StopAsync(CancellationToken.None).ConfigureAwait(false);
        await cluster.DisposeAsync().ConfigureAwait(false);
        await log.DisposeAsync().ConfigureAwait(false);
        await Store.DisposeAsync().ConfigureAwait(false);
    }
}
