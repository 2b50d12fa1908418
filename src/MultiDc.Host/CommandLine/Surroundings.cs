using MultiDc.Host.Connecting;

namespace MultiDc.Host.CommandLine;

/// <summary>What the commands use of the process around them.</summary>
internal sealed record Surroundings
{
    /// <summary>Standard input.</summary>
    public required Stream In { get; init; }

    /// <summary>Standard output: results, and nothing else.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Standard error: problems, progress and logs.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Whether a person looks at <see cref="Error"/>, so that progress is worth showing.</summary>
    public required bool ErrorIsTerminal { get; init; }

    /// <summary>Where <c>appsettings.json</c> is looked for.</summary>
    public required string WorkingFolder { get; init; }

    /// <summary>Reaches a running MultiDc.</summary>
    public ClientConnect Connect { get; init; } = ClientConnector.ConnectAsync;

    /// <summary>The clock of a benchmark.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Those of this process.</summary>
    public static Surroundings OfProcess() => new()
    {
        In = Console.OpenStandardInput(),
        Out = Console.Out,
        Error = Console.Error,
        ErrorIsTerminal = !Console.IsErrorRedirected,
        WorkingFolder = Directory.GetCurrentDirectory(),
    };
}
