using System.CommandLine;

namespace MultiDc.Comparison.Servers.Commands;

/// <summary>The command line.</summary>
internal static class ServersCommand
{
    private const string Description = """
        Servers of other systems that infra/bench/compare.sh measures, where they have to be programmed first. Each runs until it is ended, and
        prints a line "serves" as soon as it does. compare.sh starts them.
        """;

    public static RootCommand Create() => new(Description)
    {
        DotNextNodeCommand.Create(),
        GrainSiloCommand.Create(),
    };
}
