using Microsoft.Extensions.Options;
using MultiDc.Host.CommandLine;
using MultiDc.Storage;
using StackExchange.Redis;

namespace MultiDc.Host.Running;

/// <summary>Recognizes why a silo could not start, when its operator can do something about it.</summary>
internal static class StartProblem
{
    /// <summary>What to tell the operator; null for what nobody thought of.</summary>
    public static CommandException? Explain(Exception exception)
    {
        for (var cause = exception; cause is not null; cause = cause.InnerException)
        {
            var explained = cause switch
            {
                CommandException known => known,
                OptionsValidationException invalid => new CommandException(ExitCode.WrongConfiguration, string.Join(Environment.NewLine, invalid.Failures), exception),
                StoreOpenException or StoreCorruptedException => new CommandException(ExitCode.DataFolderUnusable, cause.Message, exception),
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
