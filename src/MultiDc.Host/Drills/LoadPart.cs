using System.Globalization;
using MultiDc.Host.Histories;
using MultiDc.Linearizability;

namespace MultiDc.Host.Drills;

/// <summary>The readers and writers of one datacenter, whose history is judged in the end.</summary>
internal sealed class LoadPart : IDrillPart
{
    public const string Name = "load";

    /// <summary>Client numbers of one datacenter's process.</summary>
    private const int ClientsPerProcess = 10_000_000;

    private readonly HistoryRecorder recorder;
    private readonly DrillWorkload workload;
    private readonly string historyFile;
    private readonly CancellationTokenSource working = new();
    private readonly StaleReads stale = new();
    private Task work = Task.CompletedTask;

    public LoadPart(DrillSurroundings surroundings)
    {
        var number = int.Parse(surroundings.Arguments[0], CultureInfo.InvariantCulture);
        var workers = int.Parse(surroundings.Arguments[1], CultureInfo.InvariantCulture);
        var seed = ulong.Parse(surroundings.Arguments[2], CultureInfo.InvariantCulture);
        historyFile = surroundings.Arguments[3];
        recorder = new(TimeProvider.System, DrillWorkload.Keyspace, surroundings.StartedAt, (number * ClientsPerProcess) + 1);
        workload = new(recorder, surroundings.Client, surroundings.Datacenter, surroundings.Prefix, workers, TimeProvider.System, seed);
    }

    /// <summary>The number of the process that a client of the history belongs to.</summary>
    public static int NumberOf(int client) => (client - 1) / ClientsPerProcess;

    /// <summary>What the process is started with.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="workers">Readers, and as many writers.</param>
    /// <param name="seed">Where their choices come from.</param>
    /// <param name="historyFile">Where it writes its history.</param>
    public static string[] Arguments(int number, int workers, ulong seed, string historyFile) => [$"{number}", $"{workers}", $"{seed + (ulong)number}", historyFile];

    public static IEnumerable<Operation> ReadHistory(string historyFile)
    {
        using var stream = File.OpenRead(historyFile);
        foreach (var operation in HistoryReader.Read(stream))
        {
            yield return operation;
        }
    }

    public static StaleReads ReadStaleReads(string historyFile) => StaleReads.Read(StaleReadsBeside(historyFile));

    public async Task<string?> ObeyAsync(string[] order, CancellationToken stop)
    {
        switch (order)
        {
            case ["work"]:
                work = Task.WhenAll(workload.RunAsync(working.Token), Task.Run(() => workload.ReadStaleAsync(stale, working.Token), CancellationToken.None));
                return "";
            case ["rest"]:
                await working.CancelAsync();
                await work;
                return "";
            case ["read"]:
                await workload.ReadAllAsync(stop);
                return "";
            case ["write"]:
                WriteHistory();
                stale.Write(StaleReadsBeside(historyFile));
                return recorder.LongestOverrun.TotalMilliseconds.ToString(CultureInfo.InvariantCulture);
            default:
                return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await working.CancelAsync();
        working.Dispose();
    }

    private static string StaleReadsBeside(string historyFile) => $"{historyFile}.stale";

    private void WriteHistory()
    {
        using var stream = File.Create(historyFile);
        using var writer = new HistoryWriter(stream);
        foreach (var operation in recorder.Operations)
        {
            writer.Write(operation);
        }
    }
}
