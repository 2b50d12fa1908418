using System.CommandLine;
using System.Text.Json;

namespace MultiDc.Host.Drills.Shop;

/// <summary>
/// The hidden command that a drill starts in the network of a datacenter: customers of the shops, over HTTP and nothing else. A <see cref="DrillProcess"/>.
/// </summary>
internal static class CustomersCommand
{
    public const string Name = "drill-customers";

    public static Command Create()
    {
        var startedAt = new Argument<long>("started-at");
        var customers = new Argument<int>("customers");
        var seed = new Argument<ulong>("seed");
        var events = new Argument<FileInfo>("events");
        var shops = new Argument<string[]>("shops") { Arity = ArgumentArity.OneOrMore };
        var command = new Command(Name, "The customers of a drill (started by the drill itself).") { Hidden = true };
        foreach (var argument in new Argument[] { startedAt, customers, seed, events, shops })
        {
            command.Arguments.Add(argument);
        }

        command.SetAction((result, stop) => RunAsync(
            result.GetValue(startedAt),
            result.GetValue(customers),
            result.GetValue(seed),
            result.GetRequiredValue(events).FullName,
            [.. result.GetRequiredValue(shops).Select(static shop => shop.Split('=', 2)).Select(static parts => (parts[0], new Uri(parts[1])))],
            stop));
        return command;
    }

    /// <summary>Starts the customers.</summary>
    /// <param name="system">Where.</param>
    /// <param name="datacenter">In whose network.</param>
    /// <param name="startedAt">The timestamp of the drill's beginning.</param>
    /// <param name="options">How many they are.</param>
    /// <param name="events">Where they write down what they saw, when told to.</param>
    public static DrillProcess Start(LocalSystem system, string datacenter, long startedAt, ShopDrillOptions options, string events) => DrillProcess.Start(
        system, datacenter, [Name, $"{startedAt}", $"{options.Customers}", $"{options.Seed}", events, .. system.Shops.Select(static shop => $"{shop.Key}={shop.Value}")]);

    /// <summary>What they have written down.</summary>
    public static async Task<IReadOnlyList<ShopEvent>> ReadEventsAsync(string events, CancellationToken stop) =>
        [.. (await File.ReadAllLinesAsync(events, stop)).Select(static line => JsonSerializer.Deserialize<ShopEvent>(line)!)];

    private static async Task<int> RunAsync(long startedAt, int customers, ulong seed, string events, (string Name, Uri Address)[] shops, CancellationToken stop)
    {
        using var web = new ShopWeb(shops, TimeProvider.System, startedAt);
        var crowd = new CustomerCrowd(web, $"{startedAt:x}", customers, seed, TimeProvider.System);
        using var working = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var work = Task.CompletedTask;
        await DrillProcess.FollowOrdersAsync(ObeyAsync, stop);
        await working.CancelAsync();
        return (int)ExitCode.Done;

        async Task<string?> ObeyAsync(string[] order)
        {
            switch (order)
            {
                case ["work"]:
                    await crowd.StockUpAsync(stop);
                    work = Task.WhenAll(crowd.RunAsync(working.Token, stop), web.WatchHealthAsync(working.Token));
                    return "";
                case ["at-home"]:
                    return web.AllAtHome ? "yes" : "no";
                case ["rest"]:
                    await working.CancelAsync();
                    await work;
                    return "";
                case ["check"]:
                    return (await crowd.CheckAsync(stop)).ToJson();
                case ["write"]:
                    await File.WriteAllLinesAsync(events, web.Events.Select(static each => JsonSerializer.Serialize(each)), stop);
                    return "";
                default:
                    return null;
            }
        }
    }
}
