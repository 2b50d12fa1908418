using System.Diagnostics;
using System.Globalization;
using MultiDc.Linearizability;

namespace MultiDc.Host.Drills;

/// <summary>The load in one datacenter: a process in its network that follows orders.</summary>
internal sealed class LoadProcess : IDisposable
{
    /// <summary>Client numbers of one datacenter's process.</summary>
    private const int ClientsPerProcess = 10_000_000;

    private readonly Process process;
    private readonly string historyFile;
    private readonly Task<string> complaints;

    private LoadProcess(Process process, string historyFile)
    {
        this.process = process;
        this.historyFile = historyFile;
        complaints = process.StandardError.ReadToEndAsync();
    }

    /// <summary>The number of the process that a client of the history belongs to.</summary>
    public static int NumberOf(int client) => (client - 1) / ClientsPerProcess;

    /// <summary>By how much the operation that was answered latest came after its deadline.</summary>
    public TimeSpan LongestOverrun { get; private set; }

    public static LoadProcess Start(LocalSystem system, string datacenter, int number, long startedAt, DrillOptions options, string folder)
    {
        var history = Path.Combine(folder, $"{datacenter}.ndjson");
        string[] arguments =
        [
            DrillLoadCommand.Name, system.ConfigurationOf(datacenter), datacenter, $"{startedAt}", $"{(number * ClientsPerProcess) + 1}", $"{options.Workers}",
            $"{options.Seed + (ulong)number}", history,
        ];
        return new(system.StartIn(datacenter, [.. ThisProgram, .. arguments]), history);
    }

    /// <summary>Gives an order and waits until it is carried out.</summary>
    /// <returns>What it told besides.</returns>
    public async Task<string> OrderAsync(string order, CancellationToken stop)
    {
        await process.StandardInput.WriteLineAsync(order.AsMemory(), stop);
        await process.StandardInput.FlushAsync(stop);
        var answer = await process.StandardOutput.ReadLineAsync(stop);
        if (answer?.Split(' ', 4) is not [var done, _, var overrunMs, var told] || done != order)
        {
            throw new DrillFailedException($"the load did not carry out '{order}' but said '{answer}': {(process.HasExited ? (await complaints).Trim() : "")}");
        }

        LongestOverrun = TimeSpan.FromMilliseconds(double.Parse(overrunMs, CultureInfo.InvariantCulture));
        return told;
    }

    /// <summary>Where the stale reads are written.</summary>
    internal static string StaleReadsBeside(string historyFile) => $"{historyFile}.stale";

    public StaleReads ReadStaleReads() => StaleReads.Read(StaleReadsBeside(historyFile));

    public IEnumerable<Operation> ReadHistory()
    {
        using var stream = File.OpenRead(historyFile);
        foreach (var operation in HistoryReader.Read(stream))
        {
            yield return operation;
        }
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }

        process.Dispose();
    }

    /// <summary>How this executable is started once more.</summary>
    internal static string[] ThisProgram
    {
        get
        {
            var executable = Environment.ProcessPath ?? throw new DrillFailedException("the path of this executable is not known");
            return Path.GetFileNameWithoutExtension(executable) == "dotnet" ? [executable, typeof(LoadProcess).Assembly.Location] : [executable];
        }
    }
}
