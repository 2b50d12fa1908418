using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace MultiDc.Server.Tests.Links;

/// <summary>
/// A link that can be cut: while it is, connections stay open and nothing comes through, as with a black hole. What was open then stays dead
/// after the link is healed, as a TCP connection does that waits out a long retransmission timeout.
/// </summary>
internal sealed class StallingProxy : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stopping = new();
    private readonly ConcurrentBag<Task> running = [];
    private readonly IPEndPoint target;
    private volatile CancellationTokenSource cut = new();
    private volatile bool isCut;
    private int accepted;

    public StallingProxy(int targetPort)
    {
        target = new(IPAddress.Loopback, targetPort);
        listener.Start();
        running.Add(AcceptAsync());
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public string Address => listener.LocalEndpoint.ToString()!;

    /// <summary>How many connections were made.</summary>
    public int Accepted => Volatile.Read(ref accepted);

    public void Cut()
    {
        isCut = true;
        cut.Cancel();
    }

    public void Heal()
    {
        cut = new();
        isCut = false;
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        cut.Cancel();
        listener.Dispose();
        await Task.WhenAll(running);
        stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync(stopping.Token);
                Interlocked.Increment(ref accepted);
                running.Add(CarryAsync(client));
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed of.
        }
    }

    private async Task CarryAsync(TcpClient client)
    {
        using var near = client;
        using var far = new TcpClient();
        using var until = CancellationTokenSource.CreateLinkedTokenSource(stopping.Token, cut.Token);
        try
        {
            if (!isCut)
            {
                await far.ConnectAsync(target, until.Token);
                var (there, back) = (near.GetStream().CopyToAsync(far.GetStream(), until.Token), far.GetStream().CopyToAsync(near.GetStream(), until.Token));
                await await Task.WhenAny(there, back);
                return;
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or SocketException)
        {
            if (!until.IsCancellationRequested)
            {
                return;
            }
        }

        await Task.Delay(Timeout.Infinite, stopping.Token).ContinueWith(static _ => { }, TaskScheduler.Default);
    }
}
