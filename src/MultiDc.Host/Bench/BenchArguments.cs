using System.CommandLine;
using MultiDc.Host.CommandLine;

namespace MultiDc.Host.Bench;

/// <summary>The options that say what a benchmark does, whatever it measures.</summary>
internal sealed class BenchArguments
{
    private readonly Argument<string> workload = new("WORKLOAD")
    {
        Description = $"What is asked for: {string.Join(", ", Workload.All.Select(static each => each.Name))}. put sets and get reads (linearizably) keys; ycsb-a is half of each, ycsb-b 95 % gets, "
            + "ycsb-c all gets, ycsb-e 95 % scans of up to 100 keys and 5 % inserts, ycsb-f half gets and half get-then-put; ping calls a server that does nothing, the most that can be had.",
    };

    private readonly Option<int> clients = new("--clients")
    {
        Description = "Logical clients, each with one operation under way; all share this process and its connections.", HelpName = "count", DefaultValueFactory = static _ => 64,
    };

    private readonly Option<double?> rate = new("--rate")
    {
        Description = "Operations that begin in a second, whatever becomes of those before (an open loop); latencies count from when they should have begun. Default: a closed loop", HelpName = "count",
    };

    private readonly Option<int> keys = new("--keys") { Description = "Keys that are written first, and asked for.", HelpName = "count", DefaultValueFactory = static _ => 10_000 };

    private readonly Option<int> valueBytes = new("--value-bytes") { Description = "The size of a value.", HelpName = "count", DefaultValueFactory = static _ => 256 };

    private readonly Option<string?> distribution = new("--distribution")
    {
        Description = "How keys are chosen: uniform, or zipfian (YCSB's scrambled one, theta 0.99). Default: zipfian for ycsb, else uniform", HelpName = "uniform|zipfian",
    };

    private readonly Option<double> warmUp = new("--warm-up") { Description = "How long it runs before it is measured.", HelpName = "seconds", DefaultValueFactory = static _ => 5 };

    private readonly Option<double> seconds = new("--seconds") { Description = "How long it is measured.", HelpName = "seconds", DefaultValueFactory = static _ => 20 };

    private readonly Option<ulong> seed = new("--seed") { Description = "Where the choices of keys, values and operations come from.", HelpName = "number", DefaultValueFactory = static _ => 1 };

    private readonly Option<bool> noLoad = new("--no-load") { Description = "Do not write the keys first: they are there from a run before. A get that finds no key counts as a failure." };

    public BenchArguments()
    {
        workload.Validators.Add(static result =>
        {
            var name = result.Tokens is [var token] ? token.Value : "";
            if (Workload.NotYet.TryGetValue(name, out var reason))
            {
                result.AddError(reason);
            }
            else if (!Workload.All.Any(each => each.Name == name))
            {
                result.AddError($"there is no workload '{name}'; there are {string.Join(", ", Workload.All.Select(static each => each.Name))}");
            }
        });
        distribution.AcceptOnlyFromAmong("uniform", "zipfian");
        clients.RequireRange(1, 100_000, int.TryParse);
        rate.RequireRange<double>(0.1, 10_000_000, double.TryParse);
        keys.RequireRange(1, 10_000_000, int.TryParse);
        valueBytes.RequireRange(0, KeyLimits.MaxValueBytes, int.TryParse);
        warmUp.RequireRange<double>(0, 3600, double.TryParse);
        seconds.RequireRange<double>(0.1, 86_400, double.TryParse);
    }

    public void AddTo(Command command)
    {
        command.Add(workload);
        foreach (var option in new Option[] { clients, rate, keys, valueBytes, distribution, warmUp, seconds, seed, noLoad })
        {
            command.Add(option);
        }
    }

    public BenchOptions Of(ParseResult parsed, TimeSpan timeout)
    {
        var chosen = Workload.All.First(each => each.Name == parsed.GetRequiredValue(workload));
        return new()
        {
            Workload = chosen,
            Distribution = parsed.GetValue(distribution) switch { "uniform" => KeyDistribution.Uniform, "zipfian" => KeyDistribution.Zipfian, _ => chosen.UsualDistribution },
            Clients = parsed.GetValue(clients),
            Rate = parsed.GetValue(rate),
            Keys = parsed.GetValue(keys),
            ValueBytes = parsed.GetValue(valueBytes),
            WarmUp = TimeSpan.FromSeconds(parsed.GetValue(warmUp)),
            Duration = TimeSpan.FromSeconds(parsed.GetValue(seconds)),
            Timeout = timeout,
            Seed = parsed.GetValue(seed),
            Load = !parsed.GetValue(noLoad),
        };
    }
}
