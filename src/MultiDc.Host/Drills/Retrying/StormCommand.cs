using System.CommandLine;
using MultiDc.Host.CommandLine;

namespace MultiDc.Host.Drills.Retrying;

/// <summary>How the drill of a retry storm is run.</summary>
internal sealed record StormOptions
{
    /// <summary>The script that brought the datacenters up and breaks them.</summary>
    public required string Script { get; init; }

    /// <summary>Increments in all datacenters together.</summary>
    public required int Increments { get; init; }

    /// <summary>The share of answers that callers are not told.</summary>
    public required double Lost { get; init; }

    /// <summary>Where the choices come from.</summary>
    public required ulong Seed { get; init; }
}

/// <summary><c>multidc drill retry-storm</c>.</summary>
internal static class StormCommand
{
    public static Command Create(Surroundings surroundings, Option<FileInfo> script)
    {
        var increments = new Option<int>("--increments") { Description = "How often 1 is added to the counter.", DefaultValueFactory = static _ => 100_000 };
        var lost = new Option<double>("--lost") { Description = "The share of answers that get lost, so that the request is repeated.", DefaultValueFactory = static _ => 0.3 };
        var seed = new Option<ulong>("--seed") { Description = "Where the choices come from.", DefaultValueFactory = static _ => 1 };
        var json = new Option<bool>("--json") { Description = "Report with one JSON object." };
        increments.RequireRange<int>(1, 100_000_000, int.TryParse);
        lost.RequireRange<double>(0, 0.9, double.TryParse);
        var command = new Command("retry-storm", "Add to one counter from every datacenter while answers get lost and its leader changes, and judge the sum and what is remembered of sessions. Bring it up with infra/local/local.sh up.")
        {
            script, increments, lost, seed, json,
        };
        command.SetAction((result, stop) => DrillVerdict.ReachAsync(
            async say => await new StormRun(
                new()
                {
                    Script = result.GetRequiredValue(script).FullName,
                    Increments = result.GetValue(increments),
                    Lost = result.GetValue(lost),
                    Seed = result.GetValue(seed),
                },
                say,
                TimeProvider.System).RunAsync(stop),
            result.GetValue(json),
            surroundings));
        return command;
    }
}
