namespace MultiDc.Simulation;

/// <summary>
/// Liveness after the faults (§3.4, §9.6 and the design's §9): within a bounded time there is one leader, every member that is not lost for
/// good follows it and has applied all that is committed, and every client has its answer.
/// </summary>
internal static class Convergence
{
    /// <summary>Null when the group has converged, else what is missing.</summary>
    public static string? Missing(SimulatedWorld world)
    {
        if (world.Clients.FirstOrDefault(static c => !c.IsIdle) is { } waiting)
        {
            return $"{waiting} has no answer";
        }

        if (world.Leader is not { Pump.Node: { } leader })
        {
            return "nobody leads";
        }

        if (leader.Configuration.IsJoint)
        {
            return $"the configuration is still joint: {leader.Configuration}";
        }

        foreach (var member in leader.Configuration.Members)
        {
            var replica = world.ReplicaWith(member);
            if (replica.IsLost)
            {
                continue;
            }

            if (replica.Process?.Pump?.Node is not { } node)
            {
                return $"{replica} does not run";
            }

            if (node.Leader != leader.Id || node.Term != leader.Term)
            {
                return $"{replica} does not follow {world.Leader.Replica}";
            }

            if (node.Applied != leader.LastEntry.Index || node.Commit != leader.LastEntry.Index)
            {
                return $"{replica} has applied {node.Applied} of {leader.LastEntry.Index}";
            }
        }

        return null;
    }

    /// <summary>Grows whenever a replica applies something.</summary>
    public static ulong Progress(SimulatedWorld world) =>
        world.Replicas.Aggregate((ulong)world.Answered, static (sum, r) => sum + (r.Process?.Pump?.Node.Applied.Value ?? 0));

    public static void Fail(SimulatedWorld world, string missing) => world.Violations.Report(
        nameof(Convergence),
        $"the faults have stopped, and {missing}\n"
            + string.Join('\n', world.Replicas.Select(static r => r.Process?.Pump?.Node.Describe() ?? $"{r} is down{(r.IsLost ? " for good" : "")}")));
}
