using System.CommandLine;
using MultiDc.Benchmarks.Measuring;
using MultiDc.Benchmarks.Stores;

namespace MultiDc.Benchmarks.Commands;

/// <summary>The options of every benchmark, and the folder that one works in.</summary>
internal sealed class MeasuringOptions
{
    private readonly Option<string[]> stores = new("--store")
    {
        Description = $"What to measure; repeat it for more. Of: {string.Join(", ", BenchmarkStore.All.Select(static store => store.Name))}.",
        DefaultValueFactory = static _ => ["rocksdb"],
    };

    private readonly Option<string> connection = new("--connection") { Description = "The connection string of a store on a server.", DefaultValueFactory = static _ => "" };

    private readonly Option<DirectoryInfo?> folder = new("--folder") { Description = "Where a folder for the data is made, and removed in the end: on the disk to be measured. Default: the current folder." };

    private readonly Option<int> rounds = new("--rounds") { Description = "How often everything is measured.", DefaultValueFactory = static _ => 5 };

    private readonly Option<double> seconds = new("--seconds") { Description = "How long one measurement takes.", DefaultValueFactory = static _ => 2 };

    private readonly Option<bool> json = new("--json") { Description = "One JSON object per line." };

    public MeasuringOptions() => stores.AcceptOnlyFromAmong([.. BenchmarkStore.All.Select(static store => store.Name)]);

    /// <summary>Adds the options, and an action that works in a folder of its own.</summary>
    public Command Measuring(Command command, Func<ParseResult, Measurement, Task<bool>> measureAsync)
    {
        foreach (var option in new Option[] { stores, connection, folder, rounds, seconds, json })
        {
            command.Add(option);
        }

        command.SetAction(async (parsed, _) =>
        {
            var root = Path.Combine(parsed.GetValue(folder)?.FullName ?? Directory.GetCurrentDirectory(), $"multidc-benchmark-{Environment.ProcessId}");
            Directory.CreateDirectory(root);
            try
            {
                var measurement = new Measurement(
                    [.. BenchmarkStore.All.Where(store => parsed.GetValue(stores)!.Contains(store.Name))],
                    parsed.GetValue(connection)!,
                    root,
                    Math.Max(1, parsed.GetValue(rounds)),
                    TimeSpan.FromSeconds(parsed.GetValue(seconds)),
                    new Report(parsed.InvocationConfiguration.Output, parsed.GetValue(json)));
                return await measureAsync(parsed, measurement) ? 0 : 1;
            }
            finally
            {
                Directory.Delete(root, recursive: true);
            }
        });
        return command;
    }
}

/// <summary>What is to be measured, how and where.</summary>
internal sealed record Measurement(IReadOnlyList<BenchmarkStore> Stores, string ConnectionString, string Root, int Rounds, TimeSpan Duration, Report Report)
{
    private int next;

    /// <summary>Somewhere no store was before.</summary>
    public StorePlace NewPlace() => new(Path.Combine(Root, $"{next++}"), ConnectionString);

    /// <summary>Replica names of this run and no other, for stores that outlive it.</summary>
    public string NewRun() => $"bench-{Environment.ProcessId}-{Environment.TickCount64}-{next++}";

    /// <summary>Makes room for the next measurement.</summary>
    public static void Remove(StorePlace place)
    {
        if (Directory.Exists(place.Folder))
        {
            Directory.Delete(place.Folder, recursive: true);
        }
    }
}
