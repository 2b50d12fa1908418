using System.CommandLine;
using System.Text.Json;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Drills.Overload;
using MultiDc.Host.Drills.Retrying;
using MultiDc.Host.Drills.Shop;
using MultiDc.Host.Drills.Watching;
using MultiDc.Linearizability;

namespace MultiDc.Host.Drills;

/// <summary><c>multidc drill</c>.</summary>
internal static class DrillCommand
{
    private const string UsualScript = "infra/local/local.sh";

    public static Command Create(Surroundings surroundings)
    {
        var kind = new Argument<string>("drill") { Description = $"What is rehearsed: {string.Join(", ", Names.Keys)}." };
        var script = new Option<FileInfo>("--script") { Description = "The script that brought the datacenters up.", DefaultValueFactory = static _ => new(UsualScript) };
        var rounds = new Option<int>("--rounds") { Description = "How often the fault comes; not for flapping, rolling-restart, chaos and quiet.", DefaultValueFactory = static _ => 1 };
        var seconds = new Option<double?>("--seconds") { Description = "How long the fault lasts each time; of flapping, chaos and quiet, the whole drill. Default: 10 to 600, as the drill wants it." };
        var workers = new Option<int>("--workers") { Description = "Readers, and as many writers, in every datacenter.", DefaultValueFactory = static _ => 2 };
        var seed = new Option<ulong>("--seed") { Description = "Where the choices of workers and of chaos come from.", DefaultValueFactory = static _ => 1 };
        var history = new Option<FileInfo?>("--history") { Description = "Write the history here, as NDJSON, one operation a line." };
        var json = new Option<bool>("--json") { Description = "Report with one JSON object." };
        rounds.RequireRange<int>(1, 1_000, int.TryParse);
        workers.RequireRange<int>(1, 1_000, int.TryParse);
        kind.AcceptOnlyFromAmong([.. Names.Keys]);
        var command = new Command("drill", "Break a running system on purpose, under load from every datacenter, and judge what its clients saw. Bring it up with infra/local/local.sh up.")
        {
            kind, script, rounds, seconds, workers, seed, history, json,
        };
        command.Subcommands.Add(ShopDrillCommand.Create(surroundings, script));
        command.Subcommands.Add(OverloadCommand.Create(surroundings, script));
        command.Subcommands.Add(ChurnCommand.Create(surroundings, script));
        command.Subcommands.Add(StuckCommand.Create(surroundings, script));
        command.Subcommands.Add(StormCommand.Create(surroundings, script));
        command.SetAction((result, stop) =>
        {
            var which = Names[result.GetRequiredValue(kind)];
            return RunAsync(
                new()
                {
                    Kind = which,
                    Script = result.GetRequiredValue(script).FullName,
                    Rounds = result.GetValue(rounds),
                    FaultLength = result.GetValue(seconds) is { } length ? TimeSpan.FromSeconds(length) : DrillScenarios.UsualLength(which),
                    Workers = result.GetValue(workers),
                    Seed = result.GetValue(seed),
                    HistoryFile = result.GetValue(history)?.FullName,
                    Json = result.GetValue(json),
                },
                surroundings,
                stop);
        });
        return command;
    }

    private static IReadOnlyDictionary<string, DrillKind> Names { get; } =
        Enum.GetValues<DrillKind>().ToDictionary(static kind => JsonNamingPolicy.KebabCaseLower.ConvertName(kind.ToString()), static kind => kind);

    private static Task<int> RunAsync(DrillOptions options, Surroundings surroundings, CancellationToken stop) => DrillVerdict.ReachAsync(
        async say =>
        {
            var report = await new DrillRun(options, say, TimeProvider.System).RunAsync(stop);
            if (options.HistoryFile is { } file)
            {
                await using var stream = File.Create(file);
                using var writer = new HistoryWriter(stream);
                foreach (var operation in report.History)
                {
                    writer.Write(operation);
                }
            }

            return report;
        },
        options.Json,
        surroundings);
}
