using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Channels;

namespace MultiDc.Comparison.Servers.Raft;

/// <summary>Frames over a stream, both ways. What is to be sent while another write is under way goes together with the next.</summary>
/// <param name="stream">The connection; closed with this.</param>
internal sealed class FrameConnection(Stream stream) : IAsyncDisposable
{
    private const int MaxQueued = 16_384;

    private readonly Channel<Frame> outgoing = Channel.CreateBounded<Frame>(new BoundedChannelOptions(MaxQueued) { SingleReader = true });

    /// <summary>Waits while too many are queued.</summary>
    /// <exception cref="ChannelClosedException">The connection has ended.</exception>
    public ValueTask SendAsync(Frame frame, CancellationToken cancellationToken) => outgoing.Writer.WriteAsync(frame, cancellationToken);

    /// <summary>Sends and receives until the other side closes, or the connection breaks.</summary>
    /// <param name="received">Is told of each frame in turn; must not wait for anything.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="IOException">It broke.</exception>
    /// <exception cref="InvalidDataException">What came was no frame.</exception>
    public async Task RunAsync(Action<Frame> received, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var (sending, receiving) = (SendAllAsync(ended.Token), ReceiveAllAsync(received, ended.Token));
        var first = await Task.WhenAny(sending, receiving).ConfigureAwait(false);
        outgoing.Writer.TryComplete();
        await ended.CancelAsync().ConfigureAwait(false);
        await (first == sending ? receiving : sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first.ConfigureAwait(false);
    }

    public ValueTask DisposeAsync()
    {
        outgoing.Writer.TryComplete();
        return stream.DisposeAsync();
    }

    private async Task SendAllAsync(CancellationToken cancellationToken)
    {
        var buffer = new ArrayBufferWriter<byte>();
        while (await outgoing.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            buffer.ResetWrittenCount();
            while (buffer.WrittenCount < Frame.MaxBodyBytes && outgoing.Reader.TryRead(out var frame))
            {
                frame.WriteTo(buffer);
            }

            await stream.WriteAsync(buffer.WrittenMemory, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task ReceiveAllAsync(Action<Frame> received, CancellationToken cancellationToken)
    {
        var reader = PipeReader.Create(stream, new(leaveOpen: true));
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            var buffer = read.Buffer;
            while (Frame.TryTake(ref buffer, out var frame))
            {
                received(frame);
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
            if (read.IsCompleted)
            {
                return;
            }
        }
    }
}
