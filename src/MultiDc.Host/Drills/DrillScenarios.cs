using MultiDc.Raft;

namespace MultiDc.Host.Drills;

/// <summary>What happens in each drill while the load runs.</summary>
internal static class DrillScenarios
{
    /// <summary>What is added to every round trip by a slow link.</summary>
    private const string SlowMs = "400";

    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan FlapLength = TimeSpan.FromSeconds(8);

    /// <summary>How long the fault lasts when nobody says; of drills without rounds, the whole.</summary>
    public static TimeSpan UsualLength(DrillKind kind) => TimeSpan.FromSeconds(kind switch
    {
        DrillKind.DcLoss or DrillKind.WitnessLoss or DrillKind.WipedStore => 10,
        DrillKind.SlowLink => 30,
        DrillKind.RedisLoss or DrillKind.DoubleActivation => 60,
        DrillKind.Flapping => 180,
        DrillKind.Chaos or DrillKind.Quiet => 600,
        _ => 20,
    });

    public static async Task PlayAsync(DrillStage stage, DrillOptions options)
    {
        switch (options.Kind)
        {
            case DrillKind.Quiet:
                await stage.WaitAsync(options.FaultLength);
                return;
            case DrillKind.DoubleActivation:
                await stage.WatchSecondActivationsAsync(options.FaultLength);
                return;
            case DrillKind.RollingRestart:
                await RestartAllAsync(stage);
                return;
            case DrillKind.Flapping:
                await FlapAsync(stage, options.FaultLength);
                return;
            case DrillKind.Chaos:
                await RageAsync(stage, options);
                return;
        }

        for (var round = 0; round < options.Rounds; round++)
        {
            await OnceAsync(stage, options.Kind, options.FaultLength, await stage.UntilWholeAsync());
            await stage.WaitAsync(Settle);
        }
    }

    private static async Task OnceAsync(DrillStage stage, DrillKind kind, TimeSpan length, ReplicaView view)
    {
        var victim = view.Leading(stage.System.FullDatacenters);
        var led = view.LedBy(victim);
        switch (kind)
        {
            case DrillKind.WitnessLoss:
                var witness = stage.System.Datacenters.Except(stage.System.FullDatacenters).First();
                await stage.FaultAsync($"kill -9 of all of {witness}, the witness", witness, [.. view.LeaderOf.Keys.Order()], () => stage.DoAsync("kill-dc", witness), length, () => stage.DoAsync("start-dc", witness));
                break;
            case DrillKind.DcLoss:
                await stage.FaultAsync($"kill -9 of all of {victim}", victim, led, () => stage.DoAsync("kill-dc", victim), length, () => stage.DoAsync("start-dc", victim));
                break;
            case DrillKind.Partition:
                await stage.FaultAsync($"{victim} is cut off", victim, led, () => stage.DoAsync("cut", victim), length, () => stage.DoAsync("heal"));
                break;
            case DrillKind.Oneway:
                await stage.FaultAsync($"nothing gets out of {victim}", victim, led, () => stage.DoAsync("cut-oneway", victim), length, () => stage.DoAsync("heal"));
                break;
            case DrillKind.Pause:
                var (silo, ofSilo) = view.LeadingSilo(victim);
                await stage.FaultAsync($"{silo} stands still", victim, ofSilo, () => stage.DoAsync("pause", silo), length, () => stage.ResumeAsync(silo));
                break;
            case DrillKind.WipedStore:
                var (wiped, ofWiped) = view.LeadingSilo(victim);
                await stage.FaultAsync(
                    $"{wiped} is killed and its data folder deleted", victim, ofWiped, () => stage.WipeAsync(wiped), length, () => stage.DoAsync("start", wiped));
                await stage.WatchRefillAsync(wiped, victim, view.On(wiped));
                break;
            case DrillKind.SlowLink:
                await stage.FaultAsync($"{victim} is {SlowMs} ms further away", victim, led, () => stage.DoAsync("slow", victim, SlowMs), length, () => stage.DoAsync("heal"));
                break;
            case DrillKind.RedisLoss:
                await stage.FaultAsync($"the Redis of {victim} is killed", victim, led, () => stage.DoAsync("kill-redis", victim), length, () => stage.DoAsync("start-redis", victim));
                break;
            case DrillKind.PostgresLoss:
                await stage.FaultAsync($"the PostgreSQL of {victim} is killed", victim, led, () => stage.DoAsync("kill-postgres", victim), length, () => stage.DoAsync("start-postgres", victim));
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(kind), kind, null);
        }
    }

    private static async Task RestartAllAsync(DrillStage stage)
    {
        foreach (var (datacenter, silos) in stage.System.Silos.OrderBy(static d => d.Key, StringComparer.Ordinal))
        {
            foreach (var silo in silos)
            {
                var view = await stage.UntilWholeAsync();
                var (leading, shards) = view.LedBy(datacenter).Length > 0 ? view.LeadingSilo(datacenter) : (silo, []);
                await stage.FaultAsync(
                    $"{silo} is restarted", datacenter, leading == silo ? shards : view.LedBy(datacenter), () => stage.DoAsync("stop", silo), TimeSpan.Zero, () => stage.DoAsync("start", silo));
            }
        }
    }

    private static async Task FlapAsync(DrillStage stage, TimeSpan length)
    {
        for (var rounds = (int)(length / (2 * FlapLength)); rounds > 0; rounds--)
        {
            // Not whole, perhaps: it is not waited for what the last cut left.
            var view = await stage.ViewAsync(stage.System.Datacenters.First());
            var victim = view.Leading(stage.System.FullDatacenters);
            await stage.FaultAsync($"{victim} is cut off", victim, view.LedBy(victim), () => stage.DoAsync("cut", victim), FlapLength, () => stage.DoAsync("heal"));
            await stage.WaitAsync(FlapLength);
        }

        await stage.UntilWholeAsync();
    }

    private static async Task RageAsync(DrillStage stage, DrillOptions options)
    {
        var random = new SeededRandomSource(options.Seed);
        DrillKind[] kinds = [DrillKind.DcLoss, DrillKind.Partition, DrillKind.Oneway, DrillKind.Pause, DrillKind.SlowLink, DrillKind.RedisLoss,
            .. stage.System.FullDatacenters.Count < stage.System.Silos.Count ? [DrillKind.WitnessLoss] : Array.Empty<DrillKind>(),
            .. stage.System.Store == "postgres" ? [DrillKind.PostgresLoss] : Array.Empty<DrillKind>()];
        using var over = new CancellationTokenSource(options.FaultLength);
        while (!over.IsCancellationRequested)
        {
            // Not always whole: a fault may meet what the last one left.
            var view = random.Next(0, 2) == 0 ? await stage.UntilWholeAsync() : await stage.ViewAsync(stage.System.Datacenters.First());
            if (view.LeaderOf.Count > 0)
            {
                await OnceAsync(stage, kinds[random.Next(0, kinds.Length)], TimeSpan.FromSeconds(random.Next(3, 15)), view);
            }

            await stage.WaitAsync(TimeSpan.FromSeconds(random.Next(1, 8)));
        }

        await stage.UntilWholeAsync();
    }
}
