using System.CommandLine;

namespace MultiDc.Comparison.Commands;

/// <summary>The command line.</summary>
internal static class ComparisonCommand
{
    private const string Description = """
        Other systems under the load of 'multidc bench': the same loops, clients, keys, values and report. infra/bench/compare.sh runs it.

        Exit codes: those of multidc.
        """;

    public static RootCommand Create() => new(Description)
    {
        DotNextCommand.Create(),
        EtcdCommand.Create(),
        GrainCommand.Create(),
        PostgresCommand.Create(),
        TableCommand.Create(),
    };
}
