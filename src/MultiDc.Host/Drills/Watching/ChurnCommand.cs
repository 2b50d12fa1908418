using System.CommandLine;
using MultiDc.Host.CommandLine;

namespace MultiDc.Host.Drills.Watching;

/// <summary><c>multidc drill watch-churn</c>.</summary>
internal static class ChurnCommand
{
    public static Command Create(Surroundings surroundings, Option<FileInfo> script)
    {
        var kills = new Option<int>("--kills") { Description = "How often a silo is killed, another each time.", DefaultValueFactory = static _ => 5 };
        var changes = new Option<int>("--changes") { Description = "How often a leader is changed before each kill.", DefaultValueFactory = static _ => 4 };
        var rate = new Option<int>("--rate") { Description = "Writes that are begun in a second, in all datacenters together.", DefaultValueFactory = static _ => 2_500 };
        var least = new Option<int>("--least-rate") { Description = "Writes a second that must have been acknowledged, on average.", DefaultValueFactory = static _ => 2_000 };
        var seed = new Option<ulong>("--seed") { Description = "Where the choices of shards and keys come from.", DefaultValueFactory = static _ => 1 };
        var json = new Option<bool>("--json") { Description = "Report with one JSON object." };
        kills.RequireRange<int>(0, 1_000, int.TryParse);
        changes.RequireRange<int>(0, 1_000, int.TryParse);
        rate.RequireRange<int>(1, 1_000_000, int.TryParse);
        least.RequireRange<int>(0, 1_000_000, int.TryParse);
        var command = new Command("watch-churn", "Change leaders and kill silos under writes, and compare what watchers in every datacenter were told with the log, event by event. Bring it up with infra/local/local.sh up --shards 16.")
        {
            script, kills, changes, rate, least, seed, json,
        };
        command.SetAction((result, stop) => DrillVerdict.ReachAsync(
            async say => await new ChurnRun(
                new()
                {
                    Script = result.GetRequiredValue(script).FullName,
                    Kills = result.GetValue(kills),
                    ChangesPerKill = result.GetValue(changes),
                    Rate = result.GetValue(rate),
                    LeastRate = result.GetValue(least),
                    Seed = result.GetValue(seed),
                },
                say,
                TimeProvider.System).RunAsync(stop),
            result.GetValue(json),
            surroundings));
        return command;
    }
}
