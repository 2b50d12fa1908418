using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Silo;
using MultiDc.Storage;
using StackExchange.Redis;

namespace MultiDc.Host.Running;

/// <summary>Recognizes why a silo could not start, when its operator can do something about it.</summary>
internal static class StartProblem
{
    /// <summary>What to tell the operator; null for what nobody thought of.</summary>
    public static CommandException? Explain(Exception exception, SiloOptions? silo)
    {
        for (var cause = exception; cause is not null; cause = cause.InnerException)
        {
            var explained = cause switch
            {
                OptionsValidationException invalid => new CommandException(ExitCode.WrongConfiguration, string.Join(Environment.NewLine, invalid.Failures), exception),
                StoreOpenException or StoreCorruptedException => new CommandException(ExitCode.DataFolderUnusable, cause.Message, exception),
                AddressInUseException or SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } => new CommandException(
                    ExitCode.ServiceUnavailable,
                    $"port {silo?.SiloPort} (Silo:SiloPort) or {silo?.GatewayPort} (Silo:GatewayPort) of {silo?.Address} is in use: stop the other program, or name other ports",
                    exception),
                SocketException { SocketErrorCode: SocketError.AddressNotAvailable } => new CommandException(
                    ExitCode.WrongConfiguration, $"Silo:Address {silo?.Address} is not an address of this machine", exception),
                RedisConnectionException => new CommandException(ExitCode.ServiceUnavailable, $"Redis (Silo:Redis) cannot be reached: {cause.Message}", exception),
                _ => null,
            };
            if (explained is not null)
            {
                return explained;
            }
        }

        return null;
    }
}
