using System.Net.Sockets;
using System.Text.Json;

namespace MultiDc.Wan.Control;

/// <summary>Answers requests. From any thread.</summary>
internal interface IWanControl
{
    /// <summary>Does what is asked and tells the state after it.</summary>
    ControlReply Answer(ControlRequest request);
}

/// <summary>Serves requests on a Unix domain socket that only its owner may use, a line each, as many to a connection as one likes.</summary>
internal sealed class ControlServer : IDisposable
{
    // More wait in the socket's own queue, which is bounded too.
    private const int MaxConnections = 16;
    private const int MaxLineCharacters = 64 * 1024;

    private readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly SemaphoreSlim free = new(MaxConnections);
    private readonly string path;
    private readonly IWanControl control;

    /// <summary>Begins to listen.</summary>
    /// <exception cref="SocketException">The socket cannot be made, for example because another WAN serves there.</exception>
    public ControlServer(string path, IWanControl control)
    {
        this.path = path;
        this.control = control;
        DeleteAbandoned(path);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        listener.Listen(MaxConnections);
    }

    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            while (true)
            {
                await free.WaitAsync(stopping).ConfigureAwait(false);
                _ = ServeAsync(await listener.AcceptAsync(stopping).ConfigureAwait(false), stopping);
            }
        }
        catch (OperationCanceledException)
        {
            // Asked to stop.
        }
    }

    public void Dispose()
    {
        listener.Dispose();
        File.Delete(path);
    }

    private async Task ServeAsync(Socket connection, CancellationToken stopping)
    {
        try
        {
            var stream = new NetworkStream(connection, ownsSocket: true);
            await using (stream.ConfigureAwait(false))
            {
                using var lines = new BoundedLines(new StreamReader(stream), MaxLineCharacters);
                var writer = new StreamWriter(stream) { AutoFlush = true, NewLine = "\n" };
                while (await lines.ReadAsync(stopping).ConfigureAwait(false) is { } line)
                {
                    await writer.WriteLineAsync(ControlJson.Write(Answer(line)).AsMemory(), stopping).ConfigureAwait(false);
                }
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // Whoever asked is gone, or said too much, or the WAN stops: there is nobody to tell.
        }
        finally
        {
            free.Release();
        }
    }

    private ControlReply Answer(string line)
    {
        try
        {
            return control.Answer(ControlJson.ReadRequest(line));
        }
        catch (JsonException exception)
        {
            return new() { Version = ControlRequest.CurrentVersion, Error = $"not a request: {exception.Message}" };
        }
    }

    private static void DeleteAbandoned(string path)
    {
        if (!File.Exists(path))
        {
            return;
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }

        throw new SocketException((int)SocketError.AddressAlreadyInUse);
    }
}
