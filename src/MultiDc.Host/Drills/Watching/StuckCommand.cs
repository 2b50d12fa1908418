using System.CommandLine;
using MultiDc.Host.CommandLine;

namespace MultiDc.Host.Drills.Watching;

/// <summary>How the drill of a stuck watcher is run.</summary>
internal sealed record StuckOptions
{
    /// <summary>The script that brought the datacenters up.</summary>
    public required string Script { get; init; }

    /// <summary>Watchers that take what they are told, in all datacenters together.</summary>
    public required int Watchers { get; init; }

    /// <summary>How often they are watched without the stuck one, and as often with it.</summary>
    public required int Turns { get; init; }

    /// <summary>How long a turn is measured.</summary>
    public required TimeSpan TurnLength { get; init; }

    /// <summary>Writes a second, in all datacenters together.</summary>
    public required int Rate { get; init; }

    /// <summary>How many times the delay of the healthy ones may be what it is without the stuck one.</summary>
    public required double MaxRatio { get; init; }
}

/// <summary><c>multidc drill stuck-watcher</c>.</summary>
internal static class StuckCommand
{
    public static Command Create(Surroundings surroundings, Option<FileInfo> script)
    {
        var watchers = new Option<int>("--watchers") { Description = "Watchers that take what they are told, in all datacenters together.", DefaultValueFactory = static _ => 1_000 };
        var turns = new Option<int>("--turns") { Description = "How often they are watched without the stuck one, and as often with it, by turns.", DefaultValueFactory = static _ => 5 };
        var seconds = new Option<double>("--seconds") { Description = "How long a turn is.", DefaultValueFactory = static _ => 10 };
        var rate = new Option<int>("--rate") { Description = "Writes a second, in all datacenters together.", DefaultValueFactory = static _ => 40 };
        var ratio = new Option<double>("--max-ratio") { Description = "How many times the p99 of the delay may be what it is without the stuck one.", DefaultValueFactory = static _ => 1.5 };
        var json = new Option<bool>("--json") { Description = "Report with one JSON object." };
        watchers.RequireRange<int>(1, 100_000, int.TryParse);
        turns.RequireRange<int>(1, 100, int.TryParse);
        seconds.RequireRange<double>(1, 3_600, double.TryParse);
        rate.RequireRange<int>(1, 100_000, int.TryParse);
        var command = new Command("stuck-watcher", "Let one watcher stand still beside a thousand others, and compare how soon those are told of changes with and without it. Bring it up with infra/local/local.sh up.")
        {
            script, watchers, turns, seconds, rate, ratio, json,
        };
        command.SetAction((result, stop) => DrillVerdict.ReachAsync(
            async say => await new StuckRun(
                new()
                {
                    Script = result.GetRequiredValue(script).FullName,
                    Watchers = result.GetValue(watchers),
                    Turns = result.GetValue(turns),
                    TurnLength = TimeSpan.FromSeconds(result.GetValue(seconds)),
                    Rate = result.GetValue(rate),
                    MaxRatio = result.GetValue(ratio),
                },
                say,
                TimeProvider.System).RunAsync(stop),
            result.GetValue(json),
            surroundings));
        return command;
    }
}
