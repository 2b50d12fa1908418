using MultiDc.Linearizability;
using MultiDc.Ring;

namespace MultiDc.Host.Drills;

/// <summary>
/// How long a shard served nothing: the longest time between two answers, of which the later one came after the fault began. From the history,
/// so that it is what clients saw, wherever they were.
/// </summary>
internal sealed class Pauses
{
    private readonly long[][] answers;

    /// <param name="history">All operations.</param>
    /// <param name="shards">How many shards the keyspace has.</param>
    /// <param name="counts">Which operations count.</param>
    public Pauses(IEnumerable<Operation> history, int shards, Func<Operation, bool> counts)
    {
        var byShard = history.Where(operation => operation is { Result: OperationResult.Ok, End: not null } && counts(operation))
            .ToLookup(operation => ShardOf(operation.Key, shards), static operation => operation.End!.Value);
        answers = [.. Enumerable.Range(0, shards).Select(shard => byShard[shard].Order().ToArray())];
    }

    public static int ShardOf(string key, int shards) => HashRange.ShardOf(HashRange.HashOf(System.Text.Encoding.UTF8.GetBytes(key)), shards);

    /// <summary>The longest pause of each of the shards from one time to another, in nanoseconds.</summary>
    public TimeSpan[] OfEach(IEnumerable<int> shards, long from, long to) =>
        [.. shards.Select(shard => TimeSpan.FromMicroseconds(Longest(answers[shard], from, to) / 1_000))];

    /// <summary>The longest pause of any of them.</summary>
    public TimeSpan Longest(IEnumerable<int> shards, long from, long to) => OfEach(shards, from, to).DefaultIfEmpty(TimeSpan.Zero).Max();

    /// <summary>The longest of the times between two answers, in order, or between one and the end, in nanoseconds.</summary>
    internal static long Longest(long[] answers, long from, long to)
    {
        var (last, longest) = (from, 0L);
        foreach (var at in answers.Where(at => at > from && at <= to).Append(to))
        {
            longest = Math.Max(longest, at - last);
            last = at;
        }

        return longest;
    }
}
