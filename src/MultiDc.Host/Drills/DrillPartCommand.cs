using System.CommandLine;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MultiDc.Client;
using MultiDc.Client.Hosting;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Drills.Overload;
using MultiDc.Host.Drills.Retrying;
using MultiDc.Host.Drills.Watching;
using MultiDc.Host.Output;
using MultiDc.Routing.Links;

namespace MultiDc.Host.Drills;

/// <summary>What a process with a client of MultiDc does in a drill.</summary>
internal interface IDrillPart : IAsyncDisposable
{
    /// <summary>Carries out an order; null when there is no such one.</summary>
    /// <param name="order">Its words.</param>
    /// <param name="stop">Gives up.</param>
    Task<string?> ObeyAsync(string[] order, CancellationToken stop);
}

/// <summary>What a part of a drill is given.</summary>
/// <param name="Client">The way to MultiDc.</param>
/// <param name="Links">The ways to the datacenters.</param>
/// <param name="Datacenter">Where the process is.</param>
/// <param name="StartedAt">The timestamp of the drill's beginning, of the clock that all processes of a machine share.</param>
/// <param name="Arguments">What the part takes besides.</param>
internal sealed record DrillSurroundings(IMultiDcClient Client, IDatacenterLinks Links, string Datacenter, long StartedAt, IReadOnlyList<string> Arguments)
{
    /// <summary>What the drill's keys begin with: another in each drill.</summary>
    public string Prefix => PrefixOf(StartedAt);

    /// <summary>The same, for who is no part.</summary>
    public static string PrefixOf(long startedAt) => $"drill-{startedAt:x}";
}

/// <summary>The hidden command that a drill starts in each datacenter's network: a web app's process, as far as MultiDc can tell.</summary>
internal static class DrillPartCommand
{
    public const string Name = "drill-part";

    private static readonly IReadOnlyDictionary<string, Func<DrillSurroundings, IDrillPart>> Parts = new Dictionary<string, Func<DrillSurroundings, IDrillPart>>
    {
        [LoadPart.Name] = static surroundings => new LoadPart(surroundings),
        [FloodPart.Name] = static surroundings => new FloodPart(surroundings),
        [ChurnPart.Name] = static surroundings => new ChurnPart(surroundings),
        [CrowdPart.Name] = static surroundings => new CrowdPart(surroundings),
        [StormPart.Name] = static surroundings => new StormPart(surroundings),
    };

    public static Command Create()
    {
        var part = new Argument<string>("part");
        var configuration = new Argument<FileInfo>("configuration");
        var datacenter = new Argument<string>("datacenter");
        var startedAt = new Argument<long>("started-at");
        var arguments = new Argument<string[]>("arguments") { Arity = ArgumentArity.ZeroOrMore };
        part.AcceptOnlyFromAmong([.. Parts.Keys]);
        var command = new Command(Name, "A client's process in a drill (started by the drill itself).") { part, configuration, datacenter, startedAt, arguments };
        command.Hidden = true;
        command.SetAction((result, stop) => RunAsync(
            Parts[result.GetRequiredValue(part)],
            result.GetRequiredValue(configuration).FullName,
            result.GetRequiredValue(datacenter),
            result.GetValue(startedAt),
            result.GetValue(arguments) ?? [],
            stop));
        return command;
    }

    /// <summary>Starts a part in a datacenter's network.</summary>
    public static DrillProcess Start(LocalSystem system, string datacenter, string part, long startedAt, params IEnumerable<string> arguments) =>
        DrillProcess.Start(system, datacenter, [Name, part, system.ConfigurationOf(datacenter), datacenter, $"{startedAt}", .. arguments]);

    private static async Task<int> RunAsync(
        Func<DrillSurroundings, IDrillPart> create, string configuration, string datacenter, long startedAt, string[] arguments, CancellationToken stop)
    {
        var services = new ServiceCollection();
        services.AddLogging(static logging => logging.SetMinimumLevel(LogLevel.Error).AddSimpleConsole());
        services.AddMultiDcClient(new ConfigurationBuilder().AddJsonFile(configuration).Build(), options => options.Datacenter = datacenter);
        await using var provider = services.BuildServiceProvider();
        var client = provider.GetRequiredService<IMultiDcClient>();
        await using var part = create(new(client, provider.GetRequiredService<IDatacenterLinks>(), datacenter, startedAt, arguments));
        await DrillProcess.FollowOrdersAsync(async order => order is ["status"] ? await StatusAsync(client, stop) : await part.ObeyAsync(order, stop), stop);
        return (int)ExitCode.Done;
    }

    // The lines of "multidc status --json" in one: a tab is never part of JSON.
    private static async Task<string> StatusAsync(IMultiDcClient client, CancellationToken stop)
    {
        using var lines = new StringWriter();
        new JsonResultWriter(lines).Status(await client.GetRingAsync(stop), await client.GetStatusAsync(stop));
        return lines.ToString().TrimEnd().ReplaceLineEndings("\t");
    }
}
