using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using MultiDc.Comparison.Servers.Raft;

namespace MultiDc.Comparison.Raft;

/// <summary>One connection to a node's front, with many calls under way.</summary>
internal sealed class FrontClient : IAsyncDisposable
{
    private readonly ConcurrentDictionary<int, TaskCompletionSource<Frame>> calls = new();
    private readonly CancellationTokenSource closed = new();
    private readonly FrameConnection connection;
    private readonly Task running;
    private int lastCall;

    private FrontClient(Stream stream)
    {
        connection = new(stream);
        running = RunAsync();
    }

    public static async Task<FrontClient> ConnectAsync(IPEndPoint address, CancellationToken cancellationToken)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        return new(new NetworkStream(socket, ownsSocket: true));
    }

    /// <summary>Asks, and waits for the answer.</summary>
    /// <exception cref="TimeoutException">There was none in time.</exception>
    /// <exception cref="IOException">The connection has ended.</exception>
    public async Task<(FrontReply Reply, ReadOnlyMemory<byte> Body)> CallAsync(FrontRequest request, ReadOnlyMemory<byte> body, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var call = Interlocked.Increment(ref lastCall);
        var answer = new TaskCompletionSource<Frame>(TaskCreationOptions.RunContinuationsAsynchronously);
        calls[call] = answer;
        try
        {
            // After it is in the table: whoever ends the connection fails all that are there.
            if (running.IsCompleted)
            {
                throw new IOException("the connection has ended");
            }

            await connection.SendAsync(new(call, (byte)request, body), cancellationToken).ConfigureAwait(false);
            var frame = await answer.Task.WaitAsync(timeout, cancellationToken).ConfigureAwait(false);
            return ((FrontReply)frame.Code, frame.Body);
        }
        catch (ChannelClosedException exception)
        {
            throw new IOException("the connection has ended", exception);
        }
        finally
        {
            calls.TryRemove(call, out _);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await closed.CancelAsync().ConfigureAwait(false);
        await running.ConfigureAwait(false);
        await connection.DisposeAsync().ConfigureAwait(false);
        closed.Dispose();
    }

    private async Task RunAsync()
    {
        var reason = "the server closed it";
        try
        {
            await connection.RunAsync(
                frame =>
                {
                    if (calls.TryGetValue(frame.Call, out var answer))
                    {
                        answer.TrySetResult(frame);
                    }
                },
                closed.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException or OperationCanceledException)
        {
            reason = exception.Message;
        }

        foreach (var answer in calls.Values)
        {
            answer.TrySetException(new IOException($"the connection has ended: {reason}"));
        }
    }
}
