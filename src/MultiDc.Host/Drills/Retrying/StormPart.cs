using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Routing.Shards;

namespace MultiDc.Host.Drills.Retrying;

/// <summary>The workers of one datacenter, who add 1 to the counter that all datacenters share and are not told of many of their answers.</summary>
internal sealed class StormPart(DrillSurroundings surroundings) : IDrillPart
{
    public const string Name = "storm";

    private const string Keyspace = "default";
    private const int Workers = 64;

    /// <summary>An increment is repeated until it is answered, over every change of leader.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public async Task<string?> ObeyAsync(string[] order, CancellationToken stop) => order switch
    {
        ["add", var count, var shards, var lost, var seed, var file] => await AddAsync(
            int.Parse(count, CultureInfo.InvariantCulture), int.Parse(shards, CultureInfo.InvariantCulture), double.Parse(lost, CultureInfo.InvariantCulture),
            ulong.Parse(seed, CultureInfo.InvariantCulture), file, stop),
        ["read"] => await surroundings.Client.GetAsync(Keyspace, System.Text.Encoding.UTF8.GetBytes(CounterOf(surroundings.Prefix)), Patience, stop) is ReadServed { Entry: { } entry }
            ? System.Text.Encoding.UTF8.GetString(entry.Value.Span)
            : "0",
        _ => null,
    };

    /// <summary>The counter's key.</summary>
    public static string CounterOf(string prefix) => $"{prefix}/counter";

    public ValueTask DisposeAsync() => default;

    // Tells how many answers were lost, how many increments were repeated in vain, and writes down the sums that the others were answered with.
    private async Task<string> AddAsync(int count, int shards, double lost, ulong seed, string file, CancellationToken stop)
    {
        var random = new SeededRandomSource(seed);
        var chance = new Lock();
        var (answersLost, begun, undecided) = (0, 0, 0);
        using var router = new ShardRouter(new ForgetfulLinks(surroundings.Links, Loses), new(), TimeProvider.System, Jitter, NullLogger<ShardRouter>.Instance);
        var key = System.Text.Encoding.UTF8.GetBytes(CounterOf(surroundings.Prefix));
        var shard = new ShardId(Keyspace, Pauses.ShardOf(CounterOf(surroundings.Prefix), shards));
        var sums = new ConcurrentQueue<long>();
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => Task.Run(
            async () =>
            {
                while (Interlocked.Increment(ref begun) <= count)
                {
                    if (await router.WriteAsync(shard, surroundings.Links.RingPlaces, new AddOperation(key, 1), Patience, stop) is AppliedNumber sum)
                    {
                        sums.Enqueue(sum.Number);
                    }
                    else
                    {
                        Interlocked.Increment(ref undecided);
                    }
                }
            },
            stop)));
        await File.WriteAllLinesAsync(file, sums.Select(static sum => sum.ToString(CultureInfo.InvariantCulture)), stop);
        return $"{answersLost} {undecided}";

        double Jitter()
        {
            lock (chance)
            {
                return random.Next(0, 1_000) / 1_000.0;
            }
        }

        bool Loses()
        {
            var isLost = Jitter() < lost;
            answersLost += isLost ? 1 : 0;
            return isLost;
        }
    }
}
