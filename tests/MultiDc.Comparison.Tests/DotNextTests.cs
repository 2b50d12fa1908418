using System.Net;
using System.Net.Sockets;
using MultiDc.Comparison.Raft;
using MultiDc.Comparison.Servers.Raft;
using MultiDc.Host.Bench;

namespace MultiDc.Comparison.Tests;

/// <summary>Nodes of DotNext.Net.Cluster with their fronts, in this process.</summary>
public sealed class DotNextTests : IAsyncLifetime
{
    private static readonly byte[] Key = "bench/1"u8.ToArray();
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("multidc-comparison-");
    private readonly CancellationTokenSource stop = new();
    private readonly NodeUseCounter use = new();
    private readonly List<Task> fronts = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(fronts);
        use.Dispose();
        stop.Dispose();
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task What_was_put_is_got_from_three_nodes()
    {
        var ports = FreePorts(6);
        var nodes = new List<RaftNode>();
        foreach (var port in ports[..3])
        {
            nodes.Add(await RaftNode.StartAsync(new(port, ports[..3], folder.CreateSubdirectory($"{port.Port}"), TimeSpan.FromSeconds(1)), stop.Token));
        }

        foreach (var (node, port) in nodes.Zip(ports[3..]))
        {
            await ServeAsync(node, port);
        }

        await Task.WhenAny(nodes.Select(node => node.WaitUntilItLeadsAsync(stop.Token)));
        await using (var target = await DotNextTarget.ConnectAsync(ports[3..], connections: 2, Patience, stop.Token))
        {
            Assert.Equal(OperationOutcome.Absent, await target.GetAsync(0, Key, stop.Token));
            Assert.Equal(OperationOutcome.Done, await target.PutAsync(0, Key, new byte[256], stop.Token));
            Assert.All(await Task.WhenAll(Enumerable.Range(0, 100).Select(client => target.GetAsync(client, Key, stop.Token).AsTask())), static each => Assert.Equal(OperationOutcome.Done, each));
            Assert.Equal(OperationOutcome.Done, await target.PingAsync(0, stop.Token));
            var usage = await target.GetUsageAsync(stop.Token);
            Assert.Equal(3, usage.Count);
            Assert.All(usage, static each => Assert.True(each.AllocatedBytes > 0 && each.Flushes is not null && each.DiskBytes is null));

            // What a follower cannot do may not be told as done.
            var follower = nodes.FindIndex(static node => !node.Leads);
            await using var client = await FrontClient.ConnectAsync(ports[3 + follower], stop.Token);
            Assert.Equal(FrontReply.Unknown, (await client.CallAsync(FrontRequest.Put, EntryCommand.Encode(Key, []), Patience, stop.Token)).Reply);
            Assert.Equal(FrontReply.Rejected, (await client.CallAsync((FrontRequest)99, default, Patience, stop.Token)).Reply);
        }

        foreach (var node in nodes)
        {
            await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_node_that_starts_again_has_what_it_had()
    {
        var ports = FreePorts(1);
        var options = new RaftNodeOptions(ports[0], ports, folder, TimeSpan.FromSeconds(1), SnapshotAfterEntries: 10);
        await using (var node = await RaftNode.StartAsync(options, stop.Token))
        {
            await node.WaitUntilItLeadsAsync(stop.Token);
            for (byte i = 0; i < 25; i++)
            {
                await node.ReplicateAsync(EntryCommand.Encode([(byte)(i % 7)], [i]), stop.Token);
            }

            await node.ReadBarrierAsync(stop.Token);
            Assert.Equal([24], node.Store.Get([3]));
        }

        Assert.NotEmpty(folder.GetDirectories("snapshots").Single().GetFiles());
        await using (var node = await RaftNode.StartAsync(options, stop.Token))
        {
            await node.WaitUntilItLeadsAsync(stop.Token);
            await node.ReadBarrierAsync(stop.Token);
            Assert.Equal([24], node.Store.Get([3]));
            Assert.Equal([18], node.Store.Get([4]));
            Assert.Null(node.Store.Get([7]));
        }
    }

    [Fact]
    public async Task Calls_end_when_the_connection_does()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using var client = await FrontClient.ConnectAsync((IPEndPoint)listener.LocalEndpoint, stop.Token);
        var server = await listener.AcceptSocketAsync(stop.Token);
        var call = client.CallAsync(FrontRequest.Ping, default, Patience, stop.Token);
        await server.ReceiveAsync(new byte[9], SocketFlags.None, stop.Token);
        server.Dispose();
        await Assert.ThrowsAsync<IOException>(() => call);
        await Assert.ThrowsAsync<IOException>(() => client.CallAsync(FrontRequest.Ping, default, Patience, stop.Token));
    }

    private async Task ServeAsync(RaftNode node, IPEndPoint address)
    {
        var serves = new TaskCompletionSource();
        fronts.Add(new Front(node, use, static _ => { }).RunAsync(address, serves.SetResult, stop.Token));
        await serves.Task;
    }

    // Free a moment ago.
    private static IPEndPoint[] FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(static _ => new TcpListener(IPAddress.Loopback, 0)).ToArray();
        foreach (var listener in listeners)
        {
            listener.Start();
        }

        var ports = listeners.Select(static listener => (IPEndPoint)listener.LocalEndpoint).ToArray();
        foreach (var listener in listeners)
        {
            listener.Dispose();
        }

        return ports;
    }
}
