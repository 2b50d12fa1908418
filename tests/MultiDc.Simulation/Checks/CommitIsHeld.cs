namespace MultiDc.Simulation;

/// <summary>
/// What a leader commits is of its own term, or before such an entry (§3.6.2), and is durable at that moment at a majority of each half of
/// its configuration (§4.3), at a full voter of each half, and in as many datacenters as the group wants. A disk that was lost since it
/// acknowledged counts as holding: that loss is repaired by a change of members, not by the log.
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

        // It may have changed the configuration since, in the same turn.
        var changedAt = node.Log.ConfigurationIndex;
        var before = changedAt > last.Index && changedAt > node.CompactedTo.Index ? node.Log.ConfigurationAt(new(changedAt.Value - 1)) : null;
        var flaw = FindFlaw(last.Id, node.Configuration, world);
        if (flaw is not null && (before is null || FindFlaw(last.Id, before, world) is not null))
        {
            violations.Report(nameof(CommitIsHeld), $"{leader} commits {last.Id}, which is durable at {flaw}: {node.Configuration}");
        }
    }

    private static string? FindFlaw(EntryId id, GroupConfiguration configuration, SimulatedWorld world) =>
        FindFlaw(id, configuration, configuration.Voters, world)
        ?? (configuration.IsJoint ? FindFlaw(id, configuration, configuration.OutgoingVoters, world) : null);

    private static string? FindFlaw(EntryId id, GroupConfiguration configuration, IReadOnlyList<ReplicaId> half, SimulatedWorld world)
    {
        var (holders, fullHolders, datacenters) = (0, 0, 0UL);
        foreach (var voter in half)
        {
            var replica = world.ReplicaWith(voter);
            if (Holds(replica, id))
            {
                holders++;
                if (!configuration.IsWitness(voter))
                {
                    fullHolders++;
                    datacenters |= 1UL << replica.Datacenter;
                }
            }
        }

        var places = System.Numerics.BitOperations.PopCount(datacenters);
        return holders > half.Count / 2 && fullHolders > 0 && places >= DatacentersWanted(configuration, half, world)
            ? null
            : $"{holders} of {half.Count} voters, {fullHolders} of them full, in {places} datacenters";
    }

    private static bool Holds(SimulatedReplica replica, EntryId id) =>
        replica.IsLost || (replica.Disk.Replicas.TryGetValue(replica.StoreName, out var image) && image.Durable?.Holds(id) == true);

    private static int DatacentersWanted(GroupConfiguration configuration, IReadOnlyList<ReplicaId> half, SimulatedWorld world) =>
        configuration.MinCommitDatacenters == 1
            ? 1
            : Math.Min(
                configuration.MinCommitDatacenters,
                half.Where(voter => !configuration.IsWitness(voter)).Select(voter => world.ReplicaWith(voter).Datacenter).Distinct().Count());
}
