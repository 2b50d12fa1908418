namespace MultiDc.Host.CommandLine;

/// <summary>A command cannot be done, for a reason that its user can act on; the message is all that is printed.</summary>
internal sealed class CommandException(ExitCode exitCode, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>How the process ends.</summary>
    public ExitCode ExitCode { get; } = exitCode;
}
