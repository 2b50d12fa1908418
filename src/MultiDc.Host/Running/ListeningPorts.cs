using System.Net;
using System.Net.Sockets;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Silo;

namespace MultiDc.Host.Running;

/// <summary>
/// Makes sure that the silo's ports are free. Orleans opens its sockets for sharing, so on Linux a second silo would start on the ports of
/// a first one, and the kernel would deal connections to either.
/// </summary>
internal static class ListeningPorts
{
    /// <exception cref="CommandException">A port is in use, or the address is not one of this machine.</exception>
    public static void Require(SiloOptions silo)
    {
        Require(silo.Address, silo.SiloPort, nameof(SiloOptions.SiloPort));
        Require(silo.Address, silo.GatewayPort, nameof(SiloOptions.GatewayPort));
    }

    private static void Require(string address, int port, string setting)
    {
        var endpoint = new IPEndPoint(IPAddress.Parse(address), port);
        using var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(endpoint);
            socket.Listen(1);
        }
        catch (SocketException exception)
        {
            throw exception.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => new CommandException(
                    ExitCode.ServiceUnavailable, $"port {port} of {address} is in use: stop the other program, or name another port with Silo:{setting}", exception),
                SocketError.AddressNotAvailable => new CommandException(ExitCode.WrongConfiguration, $"Silo:Address {address} is not an address of this machine", exception),
                _ => new CommandException(ExitCode.ServiceUnavailable, $"port {port} of {address} cannot be opened: {exception.Message}", exception),
            };
        }
    }
}
