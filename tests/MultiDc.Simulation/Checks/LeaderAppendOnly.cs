using MultiDc.Storage;

namespace MultiDc.Simulation;

/// <summary>Leader Append-Only (figure 3.2; LeaderAppendOnly in the TLA+ specification): a leader never overwrites or removes entries of its log.</summary>
internal sealed class LeaderAppendOnly(Violations violations)
{
    public void Writing(ReplicaProcess process, ReplicaWrite write, LogImage before)
    {
        // What it took over as a follower may leave together with its first entry as a leader.
        var ledBefore = process.Sighting.Role == RaftRole.Leader && process.Pump is { Node: { Role: RaftRole.Leader } node } && node.Term == process.Sighting.Term;
        if (ledBefore && write.Entries is [var first, ..] && first.Index.Value <= before.LastIndex)
        {
            violations.Report(nameof(LeaderAppendOnly), $"{process} leads and writes {first.Id} over a log that ends at {before.LastIndex}");
        }
    }
}
