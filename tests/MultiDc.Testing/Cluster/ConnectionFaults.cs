using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Connections;

namespace MultiDc.Testing.Cluster;

/// <summary>
/// Knows every open connection of the cluster by its two ends and resets them. Each connection between silos has one outbound end, whose
/// remote endpoint is the other silo's, and clients' connections are all outbound, so watching outbound ends sees everything.
/// </summary>
internal sealed class ConnectionFaults
{
    private readonly ConcurrentDictionary<ConnectionContext, (object Owner, int RemotePort)> open = new();
    private readonly ConcurrentDictionary<object, byte> deadOwners = new();
    private readonly ConcurrentDictionary<int, byte> deadPorts = new();

    /// <summary>For the outbound connections of one silo or client.</summary>
    public Func<ConnectionDelegate, ConnectionDelegate> Watch(object owner) => next => async connection =>
    {
        var port = ((IPEndPoint)connection.RemoteEndPoint!).Port;
        open[connection] = (owner, port);
        try
        {
            if (deadOwners.ContainsKey(owner) || deadPorts.ContainsKey(port))
            {
                connection.Abort(new ConnectionAbortedException("the silo is gone"));
                return;
            }

            await next(connection);
        }
        finally
        {
            open.TryRemove(connection, out _);
        }
    };

    /// <summary>Resets all connections from and to a process and refuses new ones.</summary>
    public void Kill(object owner, IReadOnlyCollection<int> ports)
    {
        deadOwners[owner] = 0;
        foreach (var port in ports)
        {
            deadPorts[port] = 0;
        }

        foreach (var (connection, ends) in open)
        {
            if (ends.Owner == owner || ports.Contains(ends.RemotePort))
            {
                connection.Abort(new ConnectionAbortedException("the silo is gone"));
            }
        }
    }

    /// <summary>Another process listens on the ports now.</summary>
    public void Revive(IEnumerable<int> ports)
    {
        foreach (var port in ports)
        {
            deadPorts.TryRemove(port, out _);
        }
    }
}
