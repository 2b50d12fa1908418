namespace MultiDc.Simulation;

/// <summary>What a group survives: asked before a replica is lost for good, and before a change of members is asked for.</summary>
internal static class Survival
{
    /// <summary>Whether the group, without the replicas that are lost for good, can still elect and commit in the configuration.</summary>
    public static bool CanGoOn(GroupConfiguration configuration, SimulatedWorld world, SimulatedReplica? alsoLost = null) =>
        CanGoOn(configuration, configuration.Voters, world, alsoLost)
        && (!configuration.IsJoint || CanGoOn(configuration, configuration.OutgoingVoters, world, alsoLost));

    /// <summary>Whether this replica may be lost for good, whatever configuration of those that are under way comes out.</summary>
    public static bool CanLose(SimulatedReplica replica, SimulatedWorld world) =>
        !replica.IsLost
        && !world.Operator.IsAsking
        && Configurations(world).ToArray() is { Length: > 0 } known // None: the group is not founded yet.
        && known.All(configuration => CanGoOn(configuration, world, replica) && (IsMended(world) || CanSpareAnother(configuration, world, replica)));

    private static bool IsMended(SimulatedWorld world) => world.Plan.Membership.Pause > TimeSpan.Zero;

    /// <summary>A group that nobody mends must not be one fault away from standing still for the rest of the run.</summary>
    private static bool CanSpareAnother(GroupConfiguration configuration, SimulatedWorld world, SimulatedReplica lost) =>
        configuration.Voters.Select(world.ReplicaWith).Count(r => !r.IsLost && r != lost) - 1 > configuration.Voters.Length / 2;

    private static bool CanGoOn(GroupConfiguration configuration, IReadOnlyList<ReplicaId> half, SimulatedWorld world, SimulatedReplica? alsoLost)
    {
        SimulatedReplica[] left = [.. half.Select(world.ReplicaWith).Where(r => !r.IsLost && r != alsoLost)];
        SimulatedReplica[] full = [.. left.Where(r => !configuration.IsWitness(r.Id))];
        var fullVoters = half.Count(id => !configuration.IsWitness(id));
        return left.Length > half.Count / 2
            && full.Length > 0

            // Where witnesses stand in for copies, the loss of a copy may take the only one with it.
            && (full.Length == fullVoters || fullVoters == half.Count)
            && full.Select(static r => r.Datacenter).Distinct().Count() >= configuration.MinCommitDatacenters;
    }

    /// <summary>Every configuration that may come to be in force.</summary>
    private static IEnumerable<GroupConfiguration> Configurations(SimulatedWorld world)
    {
        foreach (var replica in world.Replicas)
        {
            if (replica.Process?.Pump is { } pump)
            {
                yield return pump.Node.Configuration;
            }

            if (replica.Disk.Replicas.TryGetValue(replica.StoreName, out var image))
            {
                yield return image.Accepted.Start.Configuration;
                foreach (var entry in image.Accepted.Entries.Where(static e => e.Kind == EntryKind.Configuration))
                {
                    yield return ConfigurationCodec.Decode(entry.Payload);
                }
            }
        }
    }
}
