namespace MultiDc.Simulation;

/// <summary>Nothing that waits exceeds its bound: a pump's messages and requests, its open writes, and the appends that a follower has not answered.</summary>
internal sealed class Bounds(Violations violations)
{
    /// <summary>Looks at a replica when something was handed in, and after it acted.</summary>
    public void Observe(ReplicaProcess process, RunPlan plan)
    {
        var pump = process.Pump!;
        Require(process, "messages wait", pump.WaitingMessages, plan.Pump.MaxWaitingMessages);
        Require(process, "requests wait", pump.WaitingRequests, plan.Pump.MaxWaitingRequests);
        Require(process, "writes are open", pump.OpenProposals, plan.Pump.MaxOpenProposals);
        foreach (var (follower, progress) in pump.Node.Followers)
        {
            if (progress.Inflight > plan.Node.MaxInflightAppends)
            {
                Require(process, $"appends to {follower} are not answered", progress.Inflight, plan.Node.MaxInflightAppends);
            }
        }
    }

    private void Require(ReplicaProcess process, string what, int count, int bound)
    {
        if (count > bound)
        {
            violations.Report(nameof(Bounds), $"{process}: {count} {what}, and {bound} may");
        }
    }
}
