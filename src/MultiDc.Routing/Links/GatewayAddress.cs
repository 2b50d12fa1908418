using System.Net;
using System.Net.Sockets;
using Orleans.Configuration;
using Orleans.Messaging;
using Orleans.Runtime;

namespace MultiDc.Routing.Links;

/// <summary>
/// One gateway by name, as Orleans' clients want it. Names are resolved again and again, since a silo must start although another
/// datacenter's name servers are away, and follow a gateway that moves; while they do not answer, the last addresses count.
/// </summary>
internal sealed class GatewayAddress(string host, int port, TimeSpan refreshPeriod) : IGatewayListProvider
{
    private IList<Uri> known = [];

    public TimeSpan MaxStaleness => refreshPeriod;

    public bool IsUpdatable => true;

    public Task InitializeGatewayListProvider() => Task.CompletedTask;

    public async Task<IList<Uri>> GetGateways()
    {
        try
        {
            IPAddress[] addresses = IPAddress.TryParse(host, out var literal) ? [literal] : await Dns.GetHostAddressesAsync(host).ConfigureAwait(false);
            known = [.. addresses.Take(1).Select(address => new IPEndPoint(address, port).ToGatewayUri())];
        }
        catch (SocketException exception) when (known.Count == 0)
        {
            throw new OrleansException($"the name {host} cannot be resolved: {exception.Message}", exception);
        }
        catch (SocketException)
        {
            // The last addresses may still be right; a ping tells.
        }

        return known;
    }
}
