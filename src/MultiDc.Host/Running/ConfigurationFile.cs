using System.Text.Json;
using Microsoft.Extensions.Configuration;
using MultiDc.Host.CommandLine;

namespace MultiDc.Host.Running;

/// <summary>Reads a JSON configuration file and says plainly what is wrong with it.</summary>
internal static class ConfigurationFile
{
    /// <exception cref="CommandException">It is not there, not readable or not JSON.</exception>
    public static IConfiguration Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new CommandException(ExitCode.WrongConfiguration, $"configuration file {path} does not exist");
        }

        try
        {
            using var stream = File.OpenRead(path);
            return new ConfigurationBuilder().AddJsonStream(stream).Build();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException or InvalidDataException or JsonException)
        {
            throw new CommandException(ExitCode.WrongConfiguration, Describe(path, exception), exception);
        }
    }

    private static string Describe(string path, Exception exception)
    {
        for (var cause = exception; cause is not null; cause = cause.InnerException)
        {
            // The reader counts lines and bytes from zero; its message repeats them.
            if (cause is JsonException { LineNumber: { } line, BytePositionInLine: { } position })
            {
                var end = cause.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
                return $"{path}:{line + 1}:{position + 1}: is not valid JSON: {(end < 0 ? cause.Message : cause.Message[..end])}";
            }
        }

        return $"configuration file {path} cannot be read: {exception.Message}";
    }
}
