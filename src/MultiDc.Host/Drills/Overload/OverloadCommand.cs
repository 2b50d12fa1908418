using System.CommandLine;
using MultiDc.Host.CommandLine;

namespace MultiDc.Host.Drills.Overload;

/// <summary><c>multidc drill overload</c>.</summary>
internal static class OverloadCommand
{
    private const long MiB = 1024 * 1024;

    public static Command Create(Surroundings surroundings, Option<FileInfo> script)
    {
        var minutes = new Option<double>("--minutes") { Description = "How long the overload lasts.", DefaultValueFactory = static _ => 5 };
        var times = new Option<double>("--times") { Description = "How many times what the system can do is asked of it.", DefaultValueFactory = static _ => 3 };
        var clients = new Option<int>("--clients") { Description = "Clients of each datacenter while it is found out what the system can do.", DefaultValueFactory = static _ => 256 };
        var limit = new Option<int>("--memory-limit") { Description = "The most resident memory that a silo may have, in MiB.", DefaultValueFactory = static _ => 1024 };
        var json = new Option<bool>("--json") { Description = "Report with one JSON object." };
        minutes.RequireRange<double>(0.1, 1_440, double.TryParse);
        times.RequireRange<double>(0.1, 100, double.TryParse);
        clients.RequireRange<int>(1, 10_000, int.TryParse);
        limit.RequireRange<int>(1, 1_000_000, int.TryParse);
        var command = new Command("overload", "Ask for several times what the system can do, and judge memory, elections, refusals and how soon normal load is served again. Bring it up with infra/local/local.sh up.")
        {
            script, minutes, times, clients, limit, json,
        };
        command.SetAction((result, stop) => DrillVerdict.ReachAsync(
            async say => await new OverloadRun(
                new()
                {
                    Script = result.GetRequiredValue(script).FullName,
                    Length = TimeSpan.FromMinutes(result.GetValue(minutes)),
                    Times = result.GetValue(times),
                    Clients = result.GetValue(clients),
                    MemoryLimitBytes = result.GetValue(limit) * MiB,
                },
                say,
                TimeProvider.System).RunAsync(stop),
            result.GetValue(json),
            surroundings));
        return command;
    }
}
