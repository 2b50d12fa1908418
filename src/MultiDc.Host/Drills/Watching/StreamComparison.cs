using System.Globalization;

namespace MultiDc.Host.Drills.Watching;

/// <summary>What watchers were told beside what they should have been: every change behind where they began, in the order of the log.</summary>
/// <param name="Compared">How many events were compared, over all watchers.</param>
/// <param name="Differences">Of each watcher and shard the first; none: what was told is the log.</param>
internal sealed record StreamComparison(long Compared, IReadOnlyList<string> Differences)
{
    /// <param name="streams">What watchers were told.</param>
    /// <param name="logs">The changes of each shard.</param>
    public static StreamComparison Of(IEnumerable<ToldStream> streams, string[][] logs)
    {
        var (compared, differences) = (0L, new List<string>());
        foreach (var stream in streams)
        {
            for (var shard = 0; shard < logs.Length; shard++)
            {
                string[] expected = [.. logs[shard].Where(change => RevisionOf(change) > stream.BegunAt[shard])];
                var told = stream.Events[shard];
                compared += expected.Length;
                var same = expected.Zip(told).TakeWhile(static pair => pair.First == pair.Second).Count();
                if (same < expected.Length || same < told.Length)
                {
                    differences.Add($"the watcher {stream.Name}, shard {shard}, after {same:n0} events: told '{told.ElementAtOrDefault(same)}', in the log '{expected.ElementAtOrDefault(same)}'{(stream.Problem is null ? "" : $"; it ended: {stream.Problem}")}");
                }
            }
        }

        return new(compared, differences);
    }

    private static ulong RevisionOf(string change) => ulong.Parse(change.AsSpan(0, change.IndexOf(' ', StringComparison.Ordinal)), CultureInfo.InvariantCulture);
}
