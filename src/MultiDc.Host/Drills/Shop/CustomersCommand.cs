using System.CommandLine;
using System.Text.Json;
using MultiDc.Host.CommandLine;

namespace MultiDc.Host.Drills.Shop;

/// <summary>
/// The hidden command that a drill starts in the network of a datacenter: customers of the shops, over HTTP and nothing else. It is told what to do
/// by lines on its standard input, answers each with a line, and ends with its input.
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

    private static async Task<int> RunAsync(long startedAt, int customers, ulong seed, string events, (string Name, Uri Address)[] shops, CancellationToken stop)
    {
        using var web = new ShopWeb(shops, TimeProvider.System, startedAt);
        var crowd = new CustomerCrowd(web, $"{startedAt:x}", customers, seed, TimeProvider.System);
        using var working = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var work = Task.CompletedTask;
        while (await Console.In.ReadLineAsync(stop) is { } order)
        {
            var told = "";
            switch (order)
            {
                case "work":
                    await crowd.StockUpAsync(stop);
                    work = Task.WhenAll(crowd.RunAsync(working.Token, stop), web.WatchHealthAsync(working.Token));
                    break;
                case "at-home":
                    told = web.AllAtHome ? "yes" : "no";
                    break;
                case "rest":
                    await working.CancelAsync();
                    await work;
                    break;
                case "check":
                    told = (await crowd.CheckAsync(stop)).ToJson();
                    break;
                case "write":
                    await File.WriteAllLinesAsync(events, web.Events.Select(static each => JsonSerializer.Serialize(each)), stop);
                    break;
                default:
                    throw new CommandException(ExitCode.WrongUsage, $"'{order}' is no order");
            }

            Console.WriteLine($"{order} {told}");
        }

        await working.CancelAsync();
        return (int)ExitCode.Done;
    }
}
