using MultiDc.Storage;

namespace MultiDc.Simulation;

/// <summary>On disk, terms never fall and a vote given is not changed within its term (§3.4, §3.8).</summary>
internal sealed class HardStateGrows(Violations violations)
{
    public void Writing(ReplicaProcess process, ReplicaWrite write, LogImage before)
    {
        if (write.HardState is { } now
            && (now.Term < before.HardState.Term
                || (now.Term == before.HardState.Term && !before.HardState.VotedFor.IsNone && now.VotedFor != before.HardState.VotedFor)))
        {
            violations.Report(nameof(HardStateGrows), $"{process} writes {now} over {before.HardState}");
        }
    }
}
