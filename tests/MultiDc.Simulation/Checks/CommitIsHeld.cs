namespace MultiDc.Simulation;

/// <summary>
/// What a leader commits is of its own term, or before such an entry (§3.6.2), and is durable at a majority of the voters at that moment.
/// A disk that was lost since it acknowledged counts as holding: that loss is repaired by a change of members, not by the log.
/// </summary>
internal sealed class CommitIsHeld(Violations violations, CommittedLog committed)
{
    public void Committed(ReplicaProcess leader, RaftNode node, SimulatedWorld world)
    {
        var last = committed[committed.Last];
        if (last.Term != node.Term)
        {
            violations.Report(nameof(CommitIsHeld), $"{leader} leads in term {node.Term} and commits {last.Id} by counting");
        }

        var holders = 0;
        foreach (var voter in node.Configuration.Voters)
        {
            if (world.TryGetReplica(voter, out var replica)
                && (replica.IsLost || (replica.Disk.Replicas.TryGetValue(replica.StoreName, out var image) && image.Durable?.Holds(last.Id) == true)))
            {
                holders++;
            }
        }

        if (holders <= node.Configuration.Voters.Length / 2)
        {
            violations.Report(nameof(CommitIsHeld), $"{leader} commits {last.Id}, which is durable at {holders} of {node.Configuration.Voters.Length} voters");
        }
    }
}
