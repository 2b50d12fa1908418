using Microsoft.Extensions.Options;
using MultiDc.Ring;
using MultiDc.Routing;
using MultiDc.Server.Trust;

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
        if (options.SiloKey.Length < SiloGate.MinKeyLength && (options.Datacenters.Count > 1 || options.SiloKey.Length > 0))
        {
            // Not the key itself.
            yield return $"SiloKey has {options.SiloKey.Length} characters and needs {SiloGate.MinKeyLength} or more, the same on all silos: make one with 'openssl rand -hex 32'";
        }

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

        if (options.QuiesceAfterTicks != 0 && options.QuiesceAfterTicks < options.ElectionTimeoutTicks)
        {
            yield return $"QuiesceAfterTicks {options.QuiesceAfterTicks} must be 0 or at least ElectionTimeoutTicks {options.ElectionTimeoutTicks}";
        }

        var known = options.Datacenters.Select(static d => d.Name).ToArray();
        foreach (var unknown in options.PreferredLeaderDatacenters.Where(name => !known.Contains(name)))
        {
            yield return $"PreferredLeaderDatacenters: '{unknown}' is none of this system's datacenters {string.Join(", ", known)}";
        }

        foreach (var witness in options.PreferredLeaderDatacenters.Where(name => options.Datacenters.Any(d => d.Name == name && d.Witness)))
        {
            yield return $"PreferredLeaderDatacenters: '{witness}' is a witness, which never leads";
        }

        foreach (var twice in options.PreferredLeaderDatacenters.GroupBy(static name => name).Where(static g => g.Count() > 1))
        {
            yield return $"PreferredLeaderDatacenters: '{twice.Key}' is listed {twice.Count()} times";
        }

        foreach (var problem in options.LeaderLeases ? LeaseProblems(options) : [])
        {
            yield return problem;
        }

        if (options.PumpThreads is < 1 or > 64)
        {
            yield return $"PumpThreads {options.PumpThreads} is not within 1 to 64";
        }

        if (options.RingRefreshPeriod < TimeSpan.FromMilliseconds(50))
        {
            yield return $"RingRefreshPeriod {options.RingRefreshPeriod} is below 50 ms";
        }

        if (options.WatchHistoryBytesPerReplica is < 0 or > 1L << 40)
        {
            yield return $"WatchHistoryBytesPerReplica {options.WatchHistoryBytesPerReplica} is not within 0 to 1 TiB";
        }

        if (options.WatchHistoryBytes is < 0 or > 1L << 40)
        {
            yield return $"WatchHistoryBytes {options.WatchHistoryBytes} is not within 0 to 1 TiB";
        }

        if (options.MaxWaitingWatchers < 1)
        {
            yield return $"MaxWaitingWatchers {options.MaxWaitingWatchers} is below 1";
        }

        if (options.UnsafeSecondActivationPeriod != TimeSpan.Zero && options.UnsafeSecondActivationPeriod < TimeSpan.FromMilliseconds(50))
        {
            yield return $"UnsafeSecondActivationPeriod {options.UnsafeSecondActivationPeriod} must be zero or at least 50 ms";
        }
    }

    private static IEnumerable<string> LeaseProblems(MultiDcOptions options)
    {
        if (options.LeaseMaxDriftPpm is < 1 or > 100_000)
        {
            yield return $"LeaseMaxDriftPpm {options.LeaseMaxDriftPpm} is not within 1 to 100000";
        }

        // Half of what a promise is worth: see LeaseOptions for the two ticks, and for the drift, which takes a tenth at most.
        var most = options.TickInterval * Math.Max(0, options.ElectionTimeoutTicks - 2) / 2;
        if (options.LeaseMargin < TimeSpan.Zero || options.LeaseMargin > most)
        {
            yield return $"LeaseMargin {options.LeaseMargin} is not within 0 and half of the election timeout less two ticks, {most}";
        }

        if (options.TickInterval * options.ElectionTimeoutTicks > TimeSpan.FromHours(1))
        {
            yield return "LeaderLeases need an election timeout of at most an hour";
        }
    }
}
