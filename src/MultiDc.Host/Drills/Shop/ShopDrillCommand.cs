using System.CommandLine;
using MultiDc.Host.CommandLine;

namespace MultiDc.Host.Drills.Shop;

/// <summary><c>multidc drill shop</c>.</summary>
internal static class ShopDrillCommand
{
    public static Command Create(Surroundings surroundings, Option<FileInfo> script)
    {
        var rounds = new Option<int>("--rounds") { Description = "How often a datacenter is killed: the shops' own, in turn.", DefaultValueFactory = static _ => 1 };
        var seconds = new Option<double>("--seconds") { Description = "How long it stays away each time.", DefaultValueFactory = static _ => 10 };
        var customers = new Option<int>("--customers") { Description = "Customers of each shop.", DefaultValueFactory = static _ => 4 };
        var seed = new Option<ulong>("--seed") { Description = "Where the customers' choices come from.", DefaultValueFactory = static _ => 1 };
        var json = new Option<bool>("--json") { Description = "Report with one JSON object." };
        rounds.RequireRange<int>(1, 1_000, int.TryParse);
        seconds.RequireRange<double>(0, 3_600, double.TryParse);
        customers.RequireRange<int>(1, 1_000, int.TryParse);
        var command = new Command("shop", "Kill the datacenter of a web app under load from its customers, and judge carts and stock. Bring it up with infra/local/local.sh up --shop.")
        {
            script, rounds, seconds, customers, seed, json,
        };
        command.SetAction((result, stop) => DrillVerdict.ReachAsync(
            async say => await new ShopDrillRun(
                new()
                {
                    Script = result.GetRequiredValue(script).FullName,
                    Rounds = result.GetValue(rounds),
                    FaultLength = TimeSpan.FromSeconds(result.GetValue(seconds)),
                    Customers = result.GetValue(customers),
                    Seed = result.GetValue(seed),
                },
                say,
                TimeProvider.System).RunAsync(stop),
            result.GetValue(json),
            surroundings));
        return command;
    }
}
