using System.CommandLine;
using MultiDc.Host.CommandLine;
using MultiDc.Linearizability;
using Spectre.Console;

namespace MultiDc.Host.Demo;

/// <summary><c>multidc demo</c>.</summary>
internal static class DemoCommand
{
    /// <summary>The rule that <c>--break</c> can break.</summary>
    public const string BreakReads = "reads-without-read-index";

    public static Command Create()
    {
        var load = new Option<FileInfo?>("--load") { Description = "Load this file: CSV with a header row, or JSON lines. Default: the register of network card makers that Debian's ieee-data package ships." };
        var key = new Option<string?>("--key") { Description = "The column that is the key. Default with the demo's own data: Assignment." };
        var folder = new Option<DirectoryInfo?>("--data") { Description = "Where the datacenters keep their stores, configurations and logs. Must be empty or new. Default: a new folder below ./data." };
        var history = new Option<FileInfo?>("--history") { Description = "Write the history here, as NDJSON, one operation a line." };
        var kills = new Option<int>("--kills") { Description = "How often a datacenter, the one that leads most shards, is killed and brought back.", DefaultValueFactory = static _ => 1 };
        var seconds = new Option<int>("--seconds") { Description = "How long readers and writers run at the least.", DefaultValueFactory = static _ => 45 };
        var shards = new Option<int>("--shards") { Description = "Shards of the keyspace.", DefaultValueFactory = static _ => 8 };
        var workers = new Option<int>("--workers") { Description = "Readers, and as many writers, in every datacenter.", DefaultValueFactory = static _ => 6 };
        var increments = new Option<int>("--increments") { Description = "Increments of one counter, from all datacenters together.", DefaultValueFactory = static _ => 1000 };
        var seed = new Option<ulong>("--seed") { Description = "Where the workers' choices come from.", DefaultValueFactory = static _ => 1 };
        var breakRule = new Option<string?>("--break") { Description = $"Break a rule on purpose, to see the verdict notice: {BreakReads}.", Hidden = true };
        kills.RequireRange<int>(0, 1_000, int.TryParse);
        seconds.RequireRange<int>(1, 86_400, int.TryParse);
        shards.RequireRange<int>(1, 1_024, int.TryParse);
        workers.RequireRange<int>(1, 1_000, int.TryParse);
        increments.RequireRange<int>(1, 10_000_000, int.TryParse);
        breakRule.Validators.Add(static result =>
        {
            if (result.GetValueOrDefault<string?>() is { } rule and not BreakReads)
            {
                result.AddError($"--break {rule}: the only rule that can be broken is {BreakReads}");
            }
        });

        var command = new Command("demo", "Three datacenters on this machine: load real data, kill one of them, and judge the whole history in the end.");
        foreach (var option in new Option[] { load, key, folder, history, kills, seconds, shards, workers, increments, seed, breakRule })
        {
            command.Options.Add(option);
        }

        command.SetAction((result, stop) => RunAsync(
            new()
            {
                LoadFile = result.GetValue(load)?.FullName,
                KeyColumn = result.GetValue(key),
                Folder = result.GetValue(folder)?.FullName ?? Path.GetFullPath(Path.Combine("data", $"demo-{Environment.ProcessId}")),
                HistoryFile = result.GetValue(history)?.FullName,
                Kills = result.GetValue(kills),
                Duration = TimeSpan.FromSeconds(result.GetValue(seconds)),
                Shards = result.GetValue(shards),
                Workers = result.GetValue(workers),
                Increments = result.GetValue(increments),
                Seed = result.GetValue(seed),
                Break = result.GetValue(breakRule),
            },
            stop));
        return command;
    }

    private static async Task<int> RunAsync(DemoOptions options, CancellationToken stop)
    {
        var rows = DemoDataSet.Read(options);
        PrepareFolder(options.Folder);
        DemoOutcome outcome;
        try
        {
            using IDemoDisplay display = Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive
                ? new PlainDisplay(Console.Out, TimeProvider.System)
                : new LiveDisplay(AnsiConsole.Console, TimeProvider.System);
            await using var run = new DemoRun(options, rows, display, TimeProvider.System);
            outcome = await run.RunAsync(stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            throw new CommandException(ExitCode.Cancelled, $"interrupted: no verdict; the datacenters were stopped, their files are below {options.Folder}");
        }
        catch (DemoFailedException exception)
        {
            throw new CommandException(ExitCode.Unavailable, exception.Message);
        }

        if (options.HistoryFile is { } file)
        {
            WriteHistory(outcome.History, file);
            Console.WriteLine($"the history is in {file}");
        }

        return (int)(outcome.Judge(Console.WriteLine) ? ExitCode.Done : ExitCode.Violation);
    }

    private static void PrepareFolder(string folder)
    {
        try
        {
            if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            {
                throw new CommandException(
                    ExitCode.DataFolderUnusable, $"{folder} is not empty: the demo wants a folder of its own, so that what it finds there is what it wrote");
            }

            Directory.CreateDirectory(folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.DataFolderUnusable, $"the data folder cannot be used: {exception.Message}");
        }
    }

    private static void WriteHistory(IEnumerable<Operation> history, string file)
    {
        using var stream = File.Create(file);
        using var writer = new HistoryWriter(stream);
        foreach (var operation in history)
        {
            writer.Write(operation);
        }
    }
}
