using MultiDc.Client;
using MultiDc.Routing;
using MultiDc.Routing.Links;

namespace MultiDc.Host.Connecting;

/// <summary>Reaches a running MultiDc.</summary>
/// <param name="topology">Where it is; at least one datacenter has gateways.</param>
/// <param name="request">How patiently, and what to tell meanwhile.</param>
/// <param name="cancellationToken">Gives up.</param>
internal delegate Task<ClientConnection> ClientConnect(MultiDcTopologyOptions topology, ConnectRequest request, CancellationToken cancellationToken);

/// <summary>How to connect.</summary>
/// <param name="Timeout">When to give up.</param>
/// <param name="LogWarnings">Whether to print the libraries' warnings on standard error.</param>
/// <param name="Notice">Is told once what is being waited for, when it is not there at once.</param>
internal sealed record ConnectRequest(TimeSpan Timeout, bool LogWarnings, Action<string> Notice);

/// <summary>A connected client, until it is disposed.</summary>
internal sealed class ClientConnection(IMultiDcClient client, Func<ValueTask> disconnect) : IAsyncDisposable
{
    public IMultiDcClient Client => client;

    /// <summary>The client's ways to the datacenters, if it has some.</summary>
    public IDatacenterLinks? Links { get; init; }

    public ValueTask DisposeAsync() => disconnect();
}
