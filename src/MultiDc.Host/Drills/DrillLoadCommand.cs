using System.CommandLine;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MultiDc.Client;
using MultiDc.Client.Hosting;
using MultiDc.Host.Histories;
using MultiDc.Host.Output;
using MultiDc.Linearizability;
using MultiDc.Routing.Links;

namespace MultiDc.Host.Drills;

/// <summary>
/// The hidden command that a drill starts in each datacenter's network: a web app's process, as far as MultiDc can tell. It is told what to do by
/// lines on its standard input, answers each with a line, and ends with its input.
/// </summary>
internal static class DrillLoadCommand
{
    public const string Name = "drill-load";

    public static Command Create()
    {
        var configuration = new Argument<FileInfo>("configuration");
        var datacenter = new Argument<string>("datacenter");
        var startedAt = new Argument<long>("started-at");
        var firstClient = new Argument<int>("first-client");
        var workers = new Argument<int>("workers");
        var seed = new Argument<ulong>("seed");
        var history = new Argument<FileInfo>("history");
        var command = new Command(Name, "The load of a drill in one datacenter (started by the drill itself).") { Hidden = true };
        foreach (var argument in new Argument[] { configuration, datacenter, startedAt, firstClient, workers, seed, history })
        {
            command.Arguments.Add(argument);
        }

        command.SetAction((result, stop) => RunAsync(
            result.GetRequiredValue(configuration).FullName,
            result.GetRequiredValue(datacenter),
            recorder: new(TimeProvider.System, DrillWorkload.Keyspace, result.GetValue(startedAt), result.GetValue(firstClient)),
            prefix: $"drill-{result.GetValue(startedAt):x}",
            result.GetValue(workers),
            result.GetValue(seed),
            result.GetRequiredValue(history).FullName,
            stop));
        return command;
    }

    private static async Task<int> RunAsync(string configuration, string datacenter, HistoryRecorder recorder, string prefix, int workers, ulong seed, string history, CancellationToken stop)
    {
        var services = new ServiceCollection();
        services.AddLogging(static logging => logging.SetMinimumLevel(LogLevel.Error).AddSimpleConsole());
        services.AddMultiDcClient(new ConfigurationBuilder().AddJsonFile(configuration).Build(), options => options.Datacenter = datacenter);
        await using var provider = services.BuildServiceProvider();
        var client = provider.GetRequiredService<IMultiDcClient>();
        var workload = new DrillWorkload(recorder, client, datacenter, prefix, workers, TimeProvider.System, seed);
        using var working = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var work = Task.CompletedTask;
        var stale = new StaleReads();
        while (await Console.In.ReadLineAsync(stop) is { } order)
        {
            var told = "";
            switch (order)
            {
                case "work":
                    work = Task.WhenAll(workload.RunAsync(working.Token), Task.Run(() => workload.ReadStaleAsync(stale, working.Token), CancellationToken.None));
                    break;
                case "rest":
                    await working.CancelAsync();
                    await work;
                    break;
                case "status":
                    told = await StatusAsync(client, stop);
                    break;
                case "read":
                    await workload.ReadAllAsync(stop);
                    break;
                case "write":
                    WriteHistory(recorder, history);
                    stale.Write(LoadProcess.StaleReadsBeside(history));
                    break;
                default:
                    throw new CommandLine.CommandException(ExitCode.WrongUsage, $"'{order}' is no order");
            }

            Console.WriteLine($"{order} {recorder.Now} {recorder.LongestOverrun.TotalMilliseconds:0.0} {told}");
        }

        await working.CancelAsync();
        return (int)ExitCode.Done;
    }

    // The lines of "multidc status --json" in one: a tab is never part of JSON.
    private static async Task<string> StatusAsync(IMultiDcClient client, CancellationToken stop)
    {
        using var lines = new StringWriter();
        new JsonResultWriter(lines).Status(await client.GetRingAsync(stop), await client.GetStatusAsync(stop));
        return lines.ToString().TrimEnd().ReplaceLineEndings("\t");
    }

    private static void WriteHistory(HistoryRecorder recorder, string file)
    {
        using var stream = File.Create(file);
        using var writer = new HistoryWriter(stream);
        foreach (var operation in recorder.Operations)
        {
            writer.Write(operation);
        }
    }
}
