using Microsoft.Extensions.Options;
using MultiDc.Ring;
using MultiDc.Routing;

namespace MultiDc.Server.Hosting;

/// <summary>Refuses options that cannot work, with all reasons at once.</summary>
internal sealed class MultiDcOptionsValidator : IValidateOptions<MultiDcOptions>
{
    public ValidateOptionsResult Validate(string? name, MultiDcOptions options)
    {
        var problems = TopologyValidation.Problems(options).Concat(Problems(options)).Select(static problem => $"MultiDc options: {problem}").ToArray();
        return problems.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    private static IEnumerable<string> Problems(MultiDcOptions options)
    {
        foreach (var keyspace in options.Keyspaces)
        {
            if (new KeyspaceDescriptor(keyspace.Name, keyspace.ShardCount, [default]).DescribeProblem() is { } problem)
            {
                yield return problem;
            }
            else if (Names.IsSystemKeyspace(keyspace.Name))
            {
                yield return $"keyspace '{keyspace.Name}': names that begin with 'multidc.' are the system's own";
            }
        }

        foreach (var twice in options.Keyspaces.GroupBy(static k => k.Name).Where(static g => g.Count() > 1))
        {
            yield return $"keyspace '{twice.Key}' is listed {twice.Count()} times";
        }

        if (options.Weight is < 1 or > 16)
        {
            yield return $"Weight {options.Weight} is not within 1 to 16";
        }

        if (options.TickInterval < TimeSpan.FromMilliseconds(1) || options.TickInterval > TimeSpan.FromSeconds(10))
        {
            yield return $"TickInterval {options.TickInterval} is not within 1 ms to 10 s";
        }

        if (options.HeartbeatTicks < 1 || options.ElectionTimeoutTicks < 5 * options.HeartbeatTicks)
        {
            yield return $"ElectionTimeoutTicks {options.ElectionTimeoutTicks} must be at least five times HeartbeatTicks {options.HeartbeatTicks}, which is at least 1";
        }

        if (options.PumpThreads is < 1 or > 64)
        {
            yield return $"PumpThreads {options.PumpThreads} is not within 1 to 64";
        }

        if (options.RingRefreshPeriod < TimeSpan.FromMilliseconds(50))
        {
            yield return $"RingRefreshPeriod {options.RingRefreshPeriod} is below 50 ms";
        }
    }
}
