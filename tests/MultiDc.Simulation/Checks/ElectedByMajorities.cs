namespace MultiDc.Simulation;

/// <summary>
/// Who begins to lead has the votes of a majority of each half of its configuration (§3.4, §4.3), and each is durable (§3.8): the voter's disk
/// names it in that term, or has gone on to a later one. A disk that was lost since counts as having voted.
/// </summary>
internal sealed class ElectedByMajorities(Violations violations)
{
    public void Leads(ReplicaProcess leader, RaftNode node, SimulatedWorld world)
    {
        var configuration = node.Configuration;
        if (FindFlaw(configuration.Voters) is { } flaw || (configuration.IsJoint && (flaw = FindFlaw(configuration.OutgoingVoters)) is not null))
        {
            violations.Report(nameof(ElectedByMajorities), $"{leader} leads in term {node.Term} {flaw}: {configuration}");
        }

        string? FindFlaw(IReadOnlyList<ReplicaId> half)
        {
            var votes = half.Count(voter => MayHaveVoted(world.ReplicaWith(voter), node));
            return votes > half.Count / 2 ? null : $"with the votes of {votes} of {half.Count} voters";
        }
    }

    private static bool MayHaveVoted(SimulatedReplica voter, RaftNode leader) =>
        voter.IsLost
        || (voter.Disk.Replicas.TryGetValue(voter.StoreName, out var image)
            && image.Durable?.HardState is { } held
            && (held.Term > leader.Term || (held.Term == leader.Term && held.VotedFor == leader.Id)));
}
