namespace MultiDc.Simulation;

/// <summary>
/// Linearizable reads (§6.4): whatever any replica knew to be committed when a read began is in the state that the read is served from.
/// Says at the very step what the check of the whole history would say at the end.
/// </summary>
internal sealed class FreshReads(Violations violations, CommittedLog committed)
{
    /// <summary>What a read that begins now must see.</summary>
    public ulong Begin() => committed.Last;

    public void Serving(ReplicaProcess process, LogIndex applied, ulong mustSee)
    {
        if (applied.Value < mustSee)
        {
            violations.Report(nameof(FreshReads), $"{process} serves a read from its state after {applied}, and {mustSee} was committed before the read began");
        }
    }
}
