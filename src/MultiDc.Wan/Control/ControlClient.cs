using System.Net.Sockets;

namespace MultiDc.Wan.Control;

/// <summary>Asks a running WAN one thing.</summary>
internal static class ControlClient
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <exception cref="SocketException">Nobody serves there.</exception>
    /// <exception cref="IOException">The WAN went away before it answered.</exception>
    /// <exception cref="TimeoutException">It did not answer within 10 s.</exception>
    public static async Task<ControlReply> AskAsync(string path, ControlRequest request, CancellationToken cancellationToken)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
        var stream = new NetworkStream(socket);
        await using (stream.ConfigureAwait(false))
        {
            var writer = new StreamWriter(stream) { AutoFlush = true, NewLine = "\n" };
            await writer.WriteLineAsync(ControlJson.Write(request).AsMemory(), cancellationToken).ConfigureAwait(false);
            using var reader = new StreamReader(stream, leaveOpen: true);
            var line = await reader.ReadLineAsync(cancellationToken).AsTask().WaitAsync(Patience, cancellationToken).ConfigureAwait(false);
            return ControlJson.ReadReply(line ?? throw new IOException($"the WAN at {path} ended before it answered"));
        }
    }
}
