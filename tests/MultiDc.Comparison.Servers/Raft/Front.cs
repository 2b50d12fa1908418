using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace MultiDc.Comparison.Servers.Raft;

/// <summary>What clients of a node speak to.</summary>
/// <param name="node">The node.</param>
/// <param name="use">Tells what the process uses.</param>
/// <param name="trouble">Is told of what is no matter of course.</param>
internal sealed class Front(RaftNode node, NodeUseCounter use, Action<string> trouble)
{
    /// <summary>Serves until it is cancelled.</summary>
    public async Task RunAsync(IPEndPoint address, Action serves, CancellationToken cancellationToken)
    {
        using var listener = new TcpListener(address);
        listener.Start();
        serves();
        var connections = new ConcurrentDictionary<Task, byte>();
        try
        {
            while (true)
            {
                var socket = await listener.AcceptSocketAsync(cancellationToken).ConfigureAwait(false);
                socket.NoDelay = true;
                var serving = ServeAsync(socket, cancellationToken);
                connections.TryAdd(serving, 0);
                _ = serving.ContinueWith(ended => connections.TryRemove(ended, out _), TaskScheduler.Default);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await Task.WhenAll(connections.Keys).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ServeAsync(Socket socket, CancellationToken cancellationToken)
    {
        await using var connection = new FrameConnection(new NetworkStream(socket, ownsSocket: true));
        try
        {
            await connection.RunAsync(request => _ = AnswerAsync(connection, request, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException or OperationCanceledException)
        {
            // A client that vanished; only what it said wrong is worth a word.
            if (exception is InvalidDataException)
            {
                trouble(exception.Message);
            }
        }
    }

    private async Task AnswerAsync(FrameConnection connection, Frame request, CancellationToken cancellationToken)
    {
        var (reply, body) = await DoAsync(request, cancellationToken).ConfigureAwait(false);
        try
        {
            await connection.SendAsync(new(request.Call, (byte)reply, body), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is ChannelClosedException or OperationCanceledException)
        {
            // Nobody waits for it any more.
        }
    }

    private async Task<(FrontReply Reply, byte[] Body)> DoAsync(Frame request, CancellationToken cancellationToken)
    {
        try
        {
            switch ((FrontRequest)request.Code)
            {
                case FrontRequest.Put:
                    await node.ReplicateAsync(request.Body, cancellationToken).ConfigureAwait(false);
                    return (FrontReply.Done, []);
                case FrontRequest.Get:
                    await node.ReadBarrierAsync(cancellationToken).ConfigureAwait(false);
                    return node.Store.Get(request.Body.Span) is { } value ? (FrontReply.Done, value) : (FrontReply.Absent, []);
                case FrontRequest.Ping:
                    return (FrontReply.Done, []);
                case FrontRequest.Leads:
                    return (node.Leads ? FrontReply.Done : FrontReply.Rejected, []);
                case FrontRequest.Use:
                    return (FrontReply.Done, use.Now().Encode());
                default:
                    trouble($"there is no request {request.Code}");
                    return (FrontReply.Rejected, []);
            }
        }
        catch (Exception exception)
        {
            // Whatever it was, a command that was handed over may be in the log.
            trouble($"{(FrontRequest)request.Code}: {exception.GetType().Name}: {exception.Message}");
            return ((FrontRequest)request.Code == FrontRequest.Put ? FrontReply.Unknown : FrontReply.Rejected, []);
        }
    }
}
