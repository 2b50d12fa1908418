namespace MultiDc.Simulation;

/// <summary>
/// State Machine Safety and Log Matching over what is committed (§3.6.3; StateMachineSafety in the TLA+ specification): the first replica
/// to know an entry as committed writes it here, and everybody's entry at that index must be the same for ever. Nobody's commit index
/// goes back.
/// </summary>
internal sealed class CommittedLog(Violations violations)
{
    private readonly List<LogEntry> entries = [];
    private readonly List<Term> committedIn = [];

    /// <summary>The last committed index.</summary>
    public ulong Last => (ulong)entries.Count;

    public LogEntry this[ulong index] => entries[(int)index - 1];

    public IReadOnlyList<LogEntry> Entries => entries;

    /// <summary>The term of the leader that committed the entry.</summary>
    public Term CommittedIn(ulong index) => committedIn[(int)index - 1];

    /// <summary>Compares what a replica newly knows as committed; returns how many entries were new to all.</summary>
    public int Compare(ReplicaProcess process, RaftNode node)
    {
        var sighting = process.Sighting;
        if (node.Commit < sighting.Commit)
        {
            violations.Report(nameof(CommittedLog), $"{process}: the commit index went back from {sighting.Commit} to {node.Commit}");
        }

        sighting.Commit = node.Commit;
        var from = Math.Max(sighting.ComparedTo, node.CompactedTo.Index.Value);
        if (node.CompactedTo.Index.Value > sighting.ComparedTo)
        {
            CompareStart(process, node.CompactedTo);
        }

        sighting.ComparedTo = Math.Max(from, node.Commit.Value);
        if (node.Commit.Value <= from)
        {
            return 0;
        }

        var added = 0;
        foreach (var entry in node.Log.Slice(new(from + 1), node.Commit, long.MaxValue))
        {
            if (entry.Index.Value == Last + 1)
            {
                entries.Add(entry);
                committedIn.Add(node.Term);
                added++;
            }
            else if (entry.Index.Value > Last + 1)
            {
                violations.Report(nameof(CommittedLog), $"{process} committed {entry.Id} although nobody committed what is before it");
            }
            else if (!IsSame(this[entry.Index.Value], entry))
            {
                violations.Report(nameof(CommittedLog), $"{process} committed {entry.Id} where {this[entry.Index.Value].Id} was committed");
            }
            else if (this[entry.Index.Value].Kind == EntryKind.WithheldCommand)
            {
                // A witness was the first to be seen with it, because its leader ended in the very turn that committed it.
                entries[(int)entry.Index.Value - 1] = entry;
            }
        }

        return added;
    }

    private void CompareStart(ReplicaProcess process, EntryId start)
    {
        if (start.Index.Value > Last || this[start.Index.Value].Id != start)
        {
            violations.Report(nameof(CommittedLog), $"{process}: its log begins after {start}, which was not committed there");
        }
    }

    /// <summary>Whether two entries are one; a witness is told a command's id only.</summary>
    public static bool IsSame(LogEntry left, LogEntry right) => left.Id == right.Id
        && ((left.Kind == right.Kind && left.Payload.Span.SequenceEqual(right.Payload.Span))
            || (left.Kind, right.Kind) is (EntryKind.Command, EntryKind.WithheldCommand) or (EntryKind.WithheldCommand, EntryKind.Command));
}
