namespace MultiDc.Simulation;

/// <summary>
/// While it leads, what a leader knows of a follower's log only grows (MonotonicMatchIndexProp in the TLA+ specification), whatever comes
/// doubled or late. A member that left and came back begins anew.
/// </summary>
internal sealed class MatchGrows(Violations violations)
{
    public void Observe(ReplicaProcess process, RaftNode node, ReplicaSighting sighting)
    {
        if (node.Role != RaftRole.Leader)
        {
            sighting.Matches.Clear();
            return;
        }

        if (sighting.MatchesIn != (node.Term, node.Log.ConfigurationIndex))
        {
            sighting.MatchesIn = (node.Term, node.Log.ConfigurationIndex);
            sighting.Matches.Clear();
        }

        foreach (var (follower, progress) in node.Followers)
        {
            if (sighting.Matches.TryGetValue(follower, out var before) && progress.Match < before)
            {
                violations.Report(nameof(MatchGrows), $"{process} knew that {follower} holds its log up to {before}, and now only up to {progress.Match}");
            }

            sighting.Matches[follower] = progress.Match;
        }
    }
}
