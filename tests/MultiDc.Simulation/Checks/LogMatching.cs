using MultiDc.Storage;

namespace MultiDc.Simulation;

/// <summary>
/// Log Matching (figure 3.2, §3.5; LogMatching in the TLA+ specification) over everything that is ever written: an entry with a given term
/// and index is one and the same everywhere, and so is the one before it.
/// </summary>
internal sealed class LogMatching(Violations violations)
{
    private readonly Dictionary<EntryId, (Term Previous, LogEntry Entry)> known = [];

    public void Writing(ReplicaProcess process, ReplicaWrite write, LogImage before)
    {
        if (write.Entries is not [var first, ..])
        {
            return;
        }

        var previousIndex = new LogIndex(first.Index.Value - 1);
        var previous = write.Install is { } install && install.Metadata.LastIncluded.Index == previousIndex
            ? install.Metadata.LastIncluded.Term
            : before.TermAt(previousIndex) ?? Term.Zero;
        foreach (var entry in write.Entries)
        {
            if (!known.TryAdd(entry.Id, (previous, entry)))
            {
                var (knownPrevious, knownEntry) = known[entry.Id];
                if (knownPrevious != previous || !CommittedLog.IsSame(knownEntry, entry))
                {
                    violations.Report(nameof(LogMatching), $"{process} writes another entry {entry.Id} (after term {previous}) than was written before (after term {knownPrevious})");
                }
            }

            previous = entry.Term;
        }
    }
}
