using System.Text;
using MultiDc.Grains;

namespace MultiDc.Simulation;

/// <summary>
/// What watches are told: all replicas remember the same changes, from where each begins; every change of a key names the one before it; and the last change
/// of each key is what the committed log amounts to.
/// </summary>
internal static class WatchHistories
{
    private static readonly WatchFilter Everything = WatchFilter.Prefix(default);

    public static void Check(SimulatedWorld world)
    {
        var model = new DumbStateMachine();
        foreach (var entry in world.Checks.Committed.Entries)
        {
            model.Apply(entry);
        }

        // The one that begins first knows the most.
        var longestFirst = world.Replicas
            .Where(r => r.IsWitness is false && r.Process?.Pump?.Node.Applied.Value == world.Checks.Committed.Last)
            .OrderBy(static r => r.Process!.Pump!.History.CompactedTo).ToArray();
        string[] longest = [];
        foreach (var replica in longestFirst)
        {
            var history = replica.Process!.Pump!.History;
            if (history.UpTo.Value != world.Checks.Committed.Last)
            {
                Report(world, $"{replica} remembers changes up to {history.UpTo}, and has applied {world.Checks.Committed.Last}");
            }

            var (told, lastOf) = Read(world, replica, history.CompactedTo);
            foreach (var (key, last) in lastOf)
            {
                if ((last.Entry is { } entry ? (Text(entry.Value), entry.Version) : default) != (model.Keys.TryGetValue(key, out var value) ? value : default))
                {
                    Report(world, $"{replica}: the last change of {key} it remembers is {last}, the committed log amounts to {value}");
                }
            }

            longest = longest.Length > 0 ? longest : told;
            if (!longest.TakeLast(told.Length).SequenceEqual(told) || (told.Length < longest.Length && RevisionOf(longest[^(told.Length + 1)]) > history.CompactedTo.Value))
            {
                Report(world, $"{replica} remembers other changes after {history.CompactedTo} than {longestFirst[0]}");
            }
        }
    }

    private static (string[] Told, Dictionary<string, WatchEvent> LastOf) Read(SimulatedWorld world, SimulatedReplica replica, Revision from)
    {
        var told = new List<string>();
        var lastOf = new Dictionary<string, WatchEvent>();
        var revisionOfLast = new Dictionary<string, Revision>();
        for (var (after, isLast) = (from, false); !isLast;)
        {
            var page = replica.Process!.Pump!.History.Read(Everything, after, 10_000);
            (after, isLast) = (page.UpTo, page.IsLast);
            foreach (var (revision, change) in page.Revisions.SelectMany(static r => r.Events.Select(e => (r.Revision, e))))
            {
                var key = Text(change.Key);
                Revision? before = lastOf.TryGetValue(key, out var last) ? last.Entry is null ? null : revisionOfLast[key] : change.PreviousRevision;
                if (change.PreviousRevision != before || (last is null && before?.Value > from.Value))
                {
                    Report(world, $"{replica}: the change of {key} at {revision} names {change.PreviousRevision} as the one before, which was {before}");
                }

                (lastOf[key], revisionOfLast[key]) = (change, revision);
                told.Add($"{revision}: {key}={(change.Entry is { } entry ? $"{Text(entry.Value)}/{entry.CreateRevision}/{entry.Version}" : "gone")} after {change.PreviousRevision}");
            }
        }

        return ([.. told], lastOf);
    }

    private static ulong RevisionOf(string told) => ulong.Parse(told[..told.IndexOf(':', StringComparison.Ordinal)]);

    private static void Report(SimulatedWorld world, string what) => world.Violations.Report(nameof(WatchHistories), what);

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
