namespace MultiDc.Host.Drills.Shop;

/// <summary>
/// The drill from beginning to end: customers of both shops, in the network of a datacenter without a shop; a shop's datacenter killed and
/// brought back while the shop itself runs on; quiet; every cart and all stock looked at once more.
/// </summary>
internal sealed class ShopDrillRun(ShopDrillOptions options, Action<string> say, TimeProvider time)
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ReturnPatience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LookPause = TimeSpan.FromMilliseconds(200);

    private readonly long startedAt = time.GetTimestamp();

    /// <exception cref="DrillFailedException">The drill could not go on, for a reason that is no verdict.</exception>
    public async Task<ShopDrillReport> RunAsync(CancellationToken stop)
    {
        var system = new LocalSystem(options.Script);
        await system.LookAsync(stop);
        if (system.Shops.Count < 2)
        {
            throw new DrillFailedException("no shops run there: it takes \"up --shop\"");
        }

        var outside = system.Datacenters.First(datacenter => !system.Shops.ContainsKey(datacenter));
        var folder = Directory.CreateTempSubdirectory("multidc-drill-").FullName;
        try
        {
            // Without work: it only tells what the replicas say.
            using var observer = DrillPartCommand.Start(system, outside, LoadPart.Name, startedAt, LoadPart.Arguments(0, workers: 0, options.Seed, Path.Combine(folder, "none.ndjson")));
            var stage = new DrillStage(system, Now, Tell, time, stop) { Loads = system.Datacenters.ToDictionary(static datacenter => datacenter, _ => observer) };
            await stage.UntilWholeAsync();
            var events = Path.Combine(folder, "customers.ndjson");
            using var customers = CustomersCommand.Start(system, outside, startedAt, options, events);
            await customers.OrderAsync("work", stop);
            Tell($"{options.Customers} customers of each of {string.Join(" and ", system.Shops.Values)}, from {outside}");
            await stage.WaitAsync(WarmUp);
            await UntilAtHomeAsync(customers, stage);
            var faults = new List<ShopFault>();
            var shops = system.Shops.Keys.Order(StringComparer.Ordinal).ToArray();
            for (var round = 0; round < options.Rounds; round++)
            {
                var victim = shops[round % shops.Length];
                var led = (await stage.UntilWholeAsync()).LedBy(victim);
                await stage.FaultAsync($"kill -9 of all of {victim}", victim, led, () => stage.DoAsync("kill-dc", victim), options.FaultLength, () => stage.DoAsync("start-dc", victim));
                faults.Add(new(victim, stage.Faults[^1]));
                await UntilAtHomeAsync(customers, stage);
                await stage.WaitAsync(ShopFigures.HealingLength);
            }

            await stage.UntilWholeAsync();
            await customers.OrderAsync("rest", stop);
            Tell("all quiet; looking at every cart and all stock once more");
            var findings = await customers.OrderAsync("check", stop);
            await customers.OrderAsync("write", stop);
            return new()
            {
                Shops = shops,
                Figures = new(await CustomersCommand.ReadEventsAsync(events, stop)),
                Faults = faults,
                Restarted = [.. stage.Restarted],
                Findings = CartFindings.Parse(findings),
            };
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Whether they return is part of the verdict, so that not returning only ends the wait.</summary>
    private async Task UntilAtHomeAsync(DrillProcess customers, DrillStage stage)
    {
        var lookingSince = time.GetTimestamp();
        while (await customers.OrderAsync("at-home", stage.Stop) != "yes" && time.GetElapsedTime(lookingSince) < ReturnPatience)
        {
            await stage.WaitAsync(LookPause);
        }
    }

    private long Now() => (long)(time.GetElapsedTime(startedAt).TotalMilliseconds * 1_000_000);

    private void Tell(string what) => say($"{time.GetElapsedTime(startedAt).TotalSeconds,6:0.0} s  {what}");
}
