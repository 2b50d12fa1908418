namespace MultiDc.Simulation;

/// <summary>
/// Leader Completeness (figure 3.2, §3.6.3; LeaderCompleteness in the TLA+ specification): what was committed in a term is in the log of
/// every leader of a later one. By Log Matching it is enough to look at the last such entry.
/// </summary>
internal sealed class LeaderCompleteness(Violations violations, CommittedLog committed)
{
    /// <summary>A replica has begun to lead.</summary>
    public void Leads(ReplicaProcess process, RaftNode node)
    {
        var last = committed.Last;
        while (last > 0 && committed.CommittedIn(last) >= node.Term)
        {
            last--;
        }

        Require(process, node, last);
    }

    /// <summary>Entries were committed in a term: leaders of later terms, if there are any already, must hold them.</summary>
    public void Committed(Term term, IEnumerable<ReplicaProcess> processes)
    {
        foreach (var process in processes)
        {
            if (process.Pump is { Node: { Role: RaftRole.Leader } node } && node.Term > term)
            {
                Require(process, node, committed.Last);
            }
        }
    }

    private void Require(ReplicaProcess process, RaftNode node, ulong index)
    {
        if (index == 0)
        {
            return;
        }

        var entry = committed[index];
        var holds = node.CompactedTo.Index > entry.Index || node.Log.TermAt(entry.Index) == entry.Term;
        if (!holds)
        {
            violations.Report(
                nameof(LeaderCompleteness), $"{process} leads in term {node.Term} without {entry.Id}, committed in term {committed.CommittedIn(index)}");
        }
    }
}
