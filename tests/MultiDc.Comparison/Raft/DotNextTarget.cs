using System.Net;
using MultiDc.Comparison.Servers.Raft;
using MultiDc.Host;
using MultiDc.Host.Bench;
using MultiDc.Host.CommandLine;

namespace MultiDc.Comparison.Raft;

/// <summary>A Raft group of DotNext.Net.Cluster, through its leader's front: connections that all logical clients share, by turns.</summary>
internal sealed class DotNextTarget : IBenchTarget, IAsyncDisposable
{
    // Asked for what they use; the leader is one of them.
    private readonly IReadOnlyList<FrontClient> nodes;
    private readonly IReadOnlyList<FrontClient> leader;
    private readonly TimeSpan timeout;

    private DotNextTarget(IReadOnlyList<FrontClient> nodes, IReadOnlyList<FrontClient> leader, TimeSpan timeout) => (this.nodes, this.leader, this.timeout) = (nodes, leader, timeout);

    public string Name => "dotnext";

    /// <summary>Connects.</summary>
    /// <param name="endpoints">The fronts of all nodes.</param>
    /// <param name="connections">How many connections there are to the leader's.</param>
    /// <param name="timeout">When an operation is given up.</param>
    /// <param name="cancellationToken">The user gave up.</param>
    public static async Task<DotNextTarget> ConnectAsync(IReadOnlyList<IPEndPoint> endpoints, int connections, TimeSpan timeout, CancellationToken cancellationToken)
    {
        List<FrontClient> nodes = [], leader = [];
        try
        {
            IPEndPoint? leads = null;
            foreach (var endpoint in endpoints)
            {
                nodes.Add(await FrontClient.ConnectAsync(endpoint, cancellationToken).ConfigureAwait(false));
                if ((await nodes[^1].CallAsync(FrontRequest.Leads, default, timeout, cancellationToken).ConfigureAwait(false)).Reply == FrontReply.Done)
                {
                    leads = endpoint;
                }
            }

            if (leads is null)
            {
                throw new CommandException(ExitCode.Unavailable, "none of the endpoints leads");
            }

            while (leader.Count < connections)
            {
                leader.Add(await FrontClient.ConnectAsync(leads, cancellationToken).ConfigureAwait(false));
            }

            return new(nodes, leader, timeout);
        }
        catch
        {
            await CloseAsync([.. nodes, .. leader]).ConfigureAwait(false);
            throw;
        }
    }

    public ValueTask<OperationOutcome> PutAsync(int client, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) =>
        CallAsync(client, FrontRequest.Put, EntryCommand.Encode(key.Span, value.Span), cancellationToken);

    public ValueTask<OperationOutcome> GetAsync(int client, ReadOnlyMemory<byte> key, CancellationToken cancellationToken) => CallAsync(client, FrontRequest.Get, key, cancellationToken);

    public ValueTask<OperationOutcome> ScanAsync(int client, ReadOnlyMemory<byte> after, int limit, CancellationToken cancellationToken) =>
        throw new NotSupportedException("the keys are in no order");

    public ValueTask<OperationOutcome> PingAsync(int client, CancellationToken cancellationToken) => CallAsync(client, FrontRequest.Ping, default, cancellationToken);

    public async Task<IReadOnlyList<ServerUsage>> GetUsageAsync(CancellationToken cancellationToken) => await Task.WhenAll(nodes.Select(async node =>
    {
        var (_, body) = await node.CallAsync(FrontRequest.Use, default, timeout, cancellationToken).ConfigureAwait(false);
        var use = NodeUse.Decode(body.Span);

        // Of memory-mapped files /proc tells whole pieces, as of PostgreSQL's.
        return new ServerUsage($"node {use.ProcessId}", use.ProcessorTime, use.AllocatedBytes, DiskBytes: null, use.Flushes);
    })).ConfigureAwait(false);

    public ValueTask DisposeAsync() => CloseAsync([.. nodes, .. leader]);

    private static async ValueTask CloseAsync(IEnumerable<FrontClient> clients)
    {
        foreach (var client in clients)
        {
            await client.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask<OperationOutcome> CallAsync(int client, FrontRequest request, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) =>
        (await leader[client % leader.Count].CallAsync(request, body, timeout, cancellationToken).ConfigureAwait(false)).Reply switch
        {
            FrontReply.Done => OperationOutcome.Done,
            FrontReply.Absent => OperationOutcome.Absent,
            FrontReply.Rejected => new("rejected: not-done"),
            _ => OperationOutcome.Unknown,
        };
}
